"""`?fields=id,name`: the members of the answer that a caller wants, of those there are."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from core.api.refusals import InvalidParameterError
from core.api.serializers import OutputSerializer
from core.errors import FieldError

if TYPE_CHECKING:
    from rest_framework.request import Request

FIELDS: Final = "fields"
SELECTIVE: Final = frozenset({"list", "retrieve"})  # operations that take it


def can_select(view: Any) -> bool:  # noqa: ANN401 - any view of the API
    """Whether the running operation answers rows of an OutputSerializer."""
    serializer = getattr(view, "serializer_class", None)
    is_ours = isinstance(serializer, type) and issubclass(serializer, OutputSerializer)
    return is_ours and view.operation in SELECTIVE


def selected_fields(view: Any, request: Request) -> frozenset[str] | None:  # noqa: ANN401 - any view of the API
    """The names asked for; None: all. Raises InvalidParameterError when one does not exist."""
    text = request.query_params.get(FIELDS)
    if text is None or not can_select(view):
        return None
    wanted = frozenset(text.split(","))
    known = view.serializer_class().fields.keys()
    if not wanted <= known:
        names = ", ".join(known)
        fault = FieldError("invalid_choice", f"Of {names}.", parameter=FIELDS)
        raise InvalidParameterError(f"fields takes some of {names}.", errors=(fault,))
    return wanted


def variant_of(fields: frozenset[str] | None) -> str:
    """What tells the ETag of a selection from that of the whole; empty for the whole."""
    if fields is None:
        return ""
    return hashlib.sha256(",".join(sorted(fields)).encode()).hexdigest()[:8]
