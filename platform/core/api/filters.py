"""Query parameters that narrow a list: known names only, each with a value it can have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db.models import Model, Q
from django_filters import BaseInFilter, BooleanFilter, ChoiceFilter, DateTimeFilter
from django_filters.rest_framework import DjangoFilterBackend

from core.api.ordering import SORT, ordering_of
from core.api.refusals import InvalidParameterError, UnknownParameterError
from core.api.selection import selection_parameters
from core.api.serializers import INSTANT
from core.api.typed_filters import TypedFilterSet
from core.errors import FieldError
from core.limits import IN_FILTER_MAX, SEARCH_MAX

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.views import APIView

Row = TypeVar("Row", bound=Model)

SEARCH: Final = "search"
SEARCH_WORDS_MAX: Final = 8
PAGING: Final = frozenset({"limit", "cursor", "include"})
FORBIDDEN: Final = re.compile("[\x00\ud800-\udfff]")
BOOLEANS: Final = frozenset({"true", "false"})
SHOWN_MAX: Final = 60  # characters of a caller's parameter name in a message


def check_parameters(view: APIView, request: Request) -> None:
    """Refuse parameters that the operation does not know, and those sent twice or left empty.

    Raises:
        UnknownParameterError, InvalidParameterError: with every fault listed.
    """
    sent = list(request.query_params.lists())
    known = known_parameters(view)
    unknown = [name[:SHOWN_MAX] for name, _ in sent if name not in known]
    if unknown:
        faults = tuple(
            FieldError("unknown_parameter", "There is no such parameter.", parameter=name)
            for name in unknown
        )
        listed = ", ".join(sorted(known)) or "none"
        raise UnknownParameterError(f"Known here: {listed}.", errors=faults)
    faults = tuple(fault for name, values in sent if (fault := _fault(name, values)))
    if faults:
        raise InvalidParameterError(faults[0].detail, errors=faults)


def _fault(name: str, values: list[str]) -> FieldError | None:
    if len(values) > 1:
        return FieldError("duplicate", "This parameter may be sent once.", parameter=name)
    if not values[0]:
        return FieldError("blank", "This parameter needs a value.", parameter=name)
    if FORBIDDEN.search(values[0]):
        return FieldError("forbidden_character", "NUL is not text.", parameter=name)
    return None


def known_parameters(view: Any) -> frozenset[str]:  # noqa: ANN401 - any view of the API
    """The names that the running operation takes."""
    own = view.query_parameters
    names: frozenset[str]
    names = own.get(view.operation, frozenset()) if isinstance(own, Mapping) else own
    in_lists = list_parameters(view) if is_list(view) else frozenset()
    return names | selection_parameters(view) | in_lists


def is_list(view: Any) -> bool:  # noqa: ANN401 - any view of the API
    """Whether the operation answers a list: `list`, or an action named in `list_actions`."""
    return view.operation == "list" or view.operation in getattr(view, "list_actions", ())


def list_parameters(view: Any) -> frozenset[str]:  # noqa: ANN401 - any view of the API
    """Paging, and what the view's filters, search and sorting add."""
    filterset = getattr(view, "filterset_class", None)
    filters = frozenset(filterset.base_filters) if filterset else frozenset()
    search = {SEARCH} if getattr(view, "search_fields", ()) else set()
    sort = {SORT} if getattr(view, "sort_fields", {}) else set()
    return PAGING | filters | search | sort


class ChoiceInFilter(BaseInFilter, ChoiceFilter):  # type: ignore[misc] # django-filter ships no types
    """Several of the choices, separated by commas."""


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc] # it ships no types
    """django-filter's FilterSets, `search` and `sort`; what is wrong is said, not ignored.

    A view may have `filterset_class`, `search_fields` (columns searched for every word, literally
    and without regard to case) and `sort_fields` (see core.api.ordering).
    """

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Row], view: APIView
    ) -> QuerySet[Row]:
        filterset_class = getattr(view, "filterset_class", None)
        if filterset_class is not None and issubclass(filterset_class, TypedFilterSet):
            _check_lists(filterset_class, request)
            queryset = filterset_class.narrow(queryset, request.query_params)
        elif filterset_class is not None:
            filterset = filterset_class(request.query_params, queryset=queryset, request=request)
            _check_lists(filterset, request)
            _check_booleans(filterset, request)
            _check_times(filterset, request)
            if not filterset.is_valid():
                raise _invalid(filterset.errors)
            queryset = filterset.qs
        queryset = _search(queryset, request, getattr(view, "search_fields", ()))
        return queryset.order_by(*(str(column) for column in ordering_of(view, request)))


def _check_lists(filterset: Any, request: Request) -> None:  # noqa: ANN401 - django-filter ships no types
    for name in filterset.base_filters:
        if not name.endswith("__in") or name not in request.query_params:
            continue
        values = request.query_params[name].split(",")
        if len(values) > IN_FILTER_MAX:
            fault = FieldError("max_length", f"At most {IN_FILTER_MAX} values.", parameter=name)
            raise InvalidParameterError(f"{name} takes {IN_FILTER_MAX} values.", errors=(fault,))
        if "" in values:
            fault = FieldError("blank", "A value is missing beside a comma.", parameter=name)
            raise InvalidParameterError(fault.detail, errors=(fault,))


def _check_booleans(filterset: Any, request: Request) -> None:  # noqa: ANN401 - django-filter ships no types
    """django-filter takes a value it does not know for none at all, and would show every row."""
    faults = tuple(
        FieldError("invalid", "This is either true or false.", parameter=name)
        for name, known in filterset.base_filters.items()
        if isinstance(known, BooleanFilter)
        and request.query_params.get(name, "true") not in BOOLEANS
    )
    if faults:
        raise InvalidParameterError(faults[0].detail, errors=faults)


def _check_times(filterset: Any, request: Request) -> None:  # noqa: ANN401 - django-filter ships no types
    """As in bodies: without its offset a time would be one that nobody agrees on."""
    detail = "A time by RFC 3339, e.g. 2030-01-31T12:00:00Z; a plus sign is %2B here."
    faults = tuple(
        FieldError("invalid", detail, parameter=name)
        for name, known in filterset.base_filters.items()
        if isinstance(known, DateTimeFilter)
        and name in request.query_params
        and INSTANT.fullmatch(request.query_params[name]) is None
    )
    if faults:
        raise InvalidParameterError(detail, errors=faults)


def _invalid(errors: Any) -> InvalidParameterError:  # noqa: ANN401 - a form's errors
    faults = tuple(
        FieldError(fault.code or "invalid", " ".join(fault.messages), parameter=name)
        for name, listed in errors.as_data().items()
        for fault in listed
    )
    return InvalidParameterError(faults[0].detail, errors=faults)


def _search(queryset: QuerySet[Row], request: Request, columns: tuple[str, ...]) -> QuerySet[Row]:
    """Rows in which every word of `search` occurs in one of the columns."""
    text = request.query_params.get(SEARCH)
    if text is None or not columns:
        return queryset
    words = text.split()
    if len(text) > SEARCH_MAX or len(words) > SEARCH_WORDS_MAX:
        detail = f"At most {SEARCH_MAX} characters and {SEARCH_WORDS_MAX} words."
        raise InvalidParameterError(
            detail, errors=(FieldError("max_length", detail, parameter=SEARCH),)
        )
    if not words:
        return queryset
    found = (reduce(or_, (Q(**{f"{c}__icontains": word}) for c in columns)) for word in words)
    return queryset.filter(reduce(and_, found))
