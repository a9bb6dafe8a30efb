from __future__ import annotations

import pytest

from serving.ids import ServableId


class TestServableId:
    def test_is_written_as_name_and_version(self):
        assert str(ServableId("churn", 7)) == "churn:7"

    @pytest.mark.parametrize("text", ["churn:7", "a:b:0", "é:12"])
    def test_reads_what_it_writes(self, text):
        assert str(ServableId.parse(text)) == text

    @pytest.mark.parametrize(
        "text", ["", "churn", "churn:", ":7", "churn:07", "churn:-1", "c:\u0663"]
    )
    def test_refuses_anything_else(self, text):
        with pytest.raises(ValueError, match=r"is not name:version|has zeros"):
            ServableId.parse(text)
