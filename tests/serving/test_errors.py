from __future__ import annotations

import pytest

from serving import errors
from serving.errors import MAX_INSTANCE_ERRORS, InstanceError, InvalidInstancesError, ServingError


class TestInvalidInstancesError:
    def test_keeps_the_first_errors(self):
        many = [InstanceError(row, None, "wrong_type", f"Row {row}.") for row in range(100)]
        error = InvalidInstancesError(many)
        assert error.errors == tuple(many[:MAX_INSTANCE_ERRORS])
        assert error.detail == "Row 0."


class TestServingErrors:
    @pytest.mark.parametrize(
        "kind",
        [
            kind
            for kind in vars(errors).values()
            if isinstance(kind, type) and issubclass(kind, ServingError)
        ],
    )
    def test_have_a_code_of_their_own(self, kind):
        assert kind.code.isidentifier()
        assert kind.code.islower()
        assert kind.__name__.endswith("Error")
