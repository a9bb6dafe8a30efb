"""The two kinds of view: of one URL, and of a collection of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from django.db.models import Model
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from core.api.columns import narrow
from core.api.expansion import WHOLE, Selection, attach
from core.api.ordering import ordering_of
from core.api.rows import Made, RowShape, row_shape
from core.api.selection import can_select, selection_of, state_of, variant_of
from core.api.viewsets.base import ApiBase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet


Row = TypeVar("Row", bound=Model)


class ApiView(ApiBase):
    """A view of one URL: methods `get`, `post` and so on, taking an ApiRequest."""


class ApiViewSet(ViewSetMixin, ApiBase, GenericAPIView[Row]):
    """A viewset: actions `list`, `retrieve`, `create` and so on, taking an ApiRequest.

    Detail reads carry an ETag and answer 304; lists are paged and filtered. Both answer what
    `fields` and `expand` select, and read no more of the database than that.
    """

    at_second_speed: ClassVar[bool] = False  # the list is made of tuples; see core.api.rows
    row_columns: tuple[str, ...] = ()
    _selection: Selection | None = None
    _row_shape: RowShape | None = None
    format_kwarg = None  # no route has a suffix

    def _name_operation(self) -> None:
        actions: Mapping[str, str] = self.action_map or {}
        self.operation = "metadata" if self.method == "options" else actions.get(self.method, "")
        self.action = self.operation

    @property
    def selection(self) -> Selection:
        """What `fields` and `expand` select; what they cannot select is refused."""
        if self._selection is None:
            self._selection = selection_of(self, self.request)
        return self._selection

    def _as_tuples(self, queryset: QuerySet[Row]) -> QuerySet[Row] | None:
        """The list as tuples, where the view says so and the document is made of columns."""
        if self.operation != "list" or not self.at_second_speed:
            return None
        serializer = cast("Any", self.serializer_class)
        self._row_shape = row_shape(serializer, self.selection, self._order())
        if self._row_shape is None:
            return None
        self.row_columns = self._row_shape.columns
        return cast("QuerySet[Row]", queryset.values_list(*self.row_columns))

    def shaped(self, queryset: QuerySet[Row]) -> QuerySet[Row]:
        """For a selector: the query set with the columns, joins and prefetches of the answer."""
        if not can_select(self):
            return queryset
        also = _existing(queryset, ["row_version", *self._order()])
        return narrow(cast("Any", self.serializer_class), self.selection, also)(queryset)

    def _order(self) -> list[str]:
        if self.operation != "list":
            return []
        return [column.name for column in ordering_of(self, self.request)]

    def found(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Rows that were read, with the expanded objects that no join brought."""
        if self.selection.expanded:
            attach(rows, self.selection, self.request.auth, narrow)
        return rows

    def filter_queryset(self, queryset: Any) -> Any:  # noqa: ANN401 - DRF's signature
        filtered = super().filter_queryset(queryset)
        tuples = self._as_tuples(filtered)
        return self.shaped(filtered) if tuples is None else tuples

    def paginate_queryset(self, queryset: Any) -> Any:  # noqa: ANN401 - DRF's signature
        page = super().paginate_queryset(queryset)
        return None if page is None else self.found(page)

    def get_object(self) -> Row:
        """The row of a detail route. A read whose caller has this version already ends in 304."""
        row = super().get_object()
        if self.action != "retrieve":
            return row
        return self.conditional(self.found([row])[0])  # type: ignore[type-var] # rows of BaseModel

    def answer(self, row: Row, *, status: int = 200, location: str | None = None) -> Response:
        """A row with its ETag; a read whose caller has it ends in 304 before it is serialised."""
        row = self.conditional(self.found([row])[0])  # type: ignore[type-var] # rows of BaseModel
        headers = None if location is None else {"Location": location}
        return Response(self.get_serializer(row).data, status=status, headers=headers)

    def variant_of(self, row: Any) -> str:  # noqa: ANN401 - any row
        """The selection, and what is shown beside the row; of a write's answer, all is shown."""
        selection = self.selection if can_select(self) else WHOLE
        serializer = cast("Any", self.serializer_class)
        return variant_of(selection, state_of(serializer, row, selection))

    def get_serializer(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - DRF's signature
        """DRF's; of tuples their documents are made without one."""
        if self._row_shape is not None:
            return Made([self._row_shape.make(values) for values in args[0]])
        return super().get_serializer(*args, **options)

    def get_serializer_context(self) -> dict[str, Any]:
        selection = self.selection if self.request is not None else None
        return {**super().get_serializer_context(), "selection": selection}


def _existing(queryset: QuerySet[Any], names: list[str]) -> list[str]:
    """Of these names the columns: a row may have its version, or its order, from elsewhere."""
    known = {field.name for field in queryset.model._meta.concrete_fields}  # noqa: SLF001 - Django's documented API
    return [name for name in names if name.partition("__")[0] in known]
