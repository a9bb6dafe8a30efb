"""Equal requests have equal fingerprints however they are written; different ones differ."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given, settings
from hypothesis import strategies as st

from core.idempotency import fingerprint

PATH = "/api/v1/batch-predictions"

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def upload(content: bytes = b"a,b\n1,2\n", name: str = "rows.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="text/csv")


class TestDocuments:
    @settings(deadline=None)
    @given(document=documents)
    def test_writing_it_down_otherwise_changes_nothing(self, document):
        loosely = json.loads(json.dumps(document, indent=3, sort_keys=True))

        assert fingerprint(method="POST", path=PATH, document=document) == fingerprint(
            method="POST", path=PATH, document=loosely
        )

    @settings(deadline=None)
    @given(first=documents, second=documents)
    def test_two_documents_share_one_only_if_they_are_one(self, first, second):
        same_text = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
        same_print = fingerprint(method="POST", path=PATH, document=first) == fingerprint(
            method="POST", path=PATH, document=second
        )

        assert same_text == same_print

    @pytest.mark.parametrize(
        "other",
        [
            {"method": "PATCH"},
            {"path": "/api/v1/batch-predictions/1"},
            {"query": [("a", "1")]},
            {"document": {"a": 1.0}},
            {"document": None, "fields": [("a", "1")]},
        ],
    )
    def test_every_part_counts(self, other):
        base = {"method": "POST", "path": PATH, "document": {"a": 1}}

        assert fingerprint(**base) != fingerprint(**{**base, **other})

    def test_the_order_of_query_parameters_does_not_count(self):
        one = fingerprint(method="POST", path=PATH, query=[("a", "1"), ("b", "2")])
        two = fingerprint(method="POST", path=PATH, query=[("b", "2"), ("a", "1")])

        assert one == two

    def test_is_32_bytes(self):
        assert len(fingerprint(method="POST", path=PATH)) == 32


class TestFiles:
    def test_the_same_file_again_is_the_same_and_is_rewound(self):
        file = upload()
        one = fingerprint(method="POST", path=PATH, files=[("file", file)])
        two = fingerprint(method="POST", path=PATH, files=[("file", upload())])

        assert one == two
        assert file.read() == b"a,b\n1,2\n"

    @pytest.mark.parametrize("other", [upload(b"a,b\n1,3\n"), upload(name="rows.jsonl")])
    def test_content_and_name_count(self, other):
        one = fingerprint(method="POST", path=PATH, files=[("file", upload())])

        assert one != fingerprint(method="POST", path=PATH, files=[("file", other)])

    def test_a_file_of_many_chunks_is_read_whole(self):
        large = b"x" * (300 * 1024)
        one = fingerprint(method="POST", path=PATH, files=[("file", upload(large + b"a"))])

        assert one != fingerprint(method="POST", path=PATH, files=[("file", upload(large + b"b"))])
