"""Forms whose saving is a service's: staff are held to the rules of the API, and lose no word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms.fields import InvalidJSONInput

from core.admin.base import AuditedModelAdmin
from core.api.parsers import parse_json
from core.db.models import BaseModel
from core.errors import DomainError, PreconditionError
from core.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from django.http import HttpRequest, HttpResponse

Row = TypeVar("Row", bound=BaseModel)

SEEN = "seen_version"  # the field with the row's version, as the form was opened
REFUSAL = "agora_refusal"  # on the request: why the service would not


if TYPE_CHECKING:
    Form = forms.ModelForm[Any]
else:
    Form = forms.ModelForm


class ServiceForm(Form):
    """Remembers which version of the row it shows, and shows why a service refused it."""

    refusal: ClassVar[DomainError | None] = None
    seen_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - a form's
        super().__init__(*args, **options)
        if self.instance.pk is not None and not self.instance._state.adding:  # noqa: SLF001 - Django's documented state
            self.fields[SEEN].initial = self.instance.row_version

    def clean(self) -> dict[str, Any] | None:
        if self.refusal is not None:
            raise ValidationError(words_of(self.refusal))
        return super().clean()

    @property
    def changes(self) -> dict[str, Any]:
        """What was written otherwise than it stood there, by field."""
        names = {*self.changed_data} - {SEEN}
        return {name: value for name, value in self.cleaned_data.items() if name in names}

    @property
    def check_version(self) -> Callable[[Any], None]:
        """For a service: refuses a row that somebody has changed since the form was opened."""
        seen = self.cleaned_data.get(SEEN)

        def check(row: BaseModel) -> None:
            if seen is not None and row.row_version != seen:
                raise PreconditionError("Somebody has changed it since you opened this page.")

        return check


class MoneyForm(ServiceForm):
    """Amounts are in the currency beside them, with as many digits as it has.

    Attributes:
        amounts: the fields that are amounts of `currency`.
    """

    amounts: ClassVar[tuple[str, ...]] = ()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for name in self.amounts:
            if self.cleaned_data.get(name) is not None:
                try:
                    self.money(name)
                except ValueError as error:
                    self.add_error(name, str(error))
        return cleaned

    def money(self, name: str) -> Money | None:
        """What an amount's field says. Raises ValueError unless its currency can express it."""
        amount: Decimal | None = self.cleaned_data.get(name)
        currency = self.cleaned_data.get("currency") or self.instance.currency
        return None if amount is None else Money(amount, currency)

    @property
    def moneys(self) -> dict[str, Money | None]:
        return {name: self.money(name) for name in self.amounts}


class DocumentField(forms.JSONField):
    """A JSON object as staff type it, read as strictly as the API reads bodies; empty is {}."""

    def to_python(self, value: Any) -> Any:  # noqa: ANN401 - Django's signature
        if not isinstance(value, str):
            return {} if value is None else value
        if not value.strip():
            return {}
        try:
            return parse_json(value.encode(errors="surrogatepass"))
        except DomainError as error:
            raise ValidationError(error.detail) from error

    def bound_data(self, data: Any, initial: Any) -> Any:  # noqa: ANN401, ARG002 - likewise
        """What was typed, as it was typed: it may be no JSON at all."""
        return None if data is None else InvalidJSONInput(data)


def words_of(error: DomainError) -> list[str]:
    """A refusal for people: its sentence, and each fault by itself."""
    return [error.detail, *(fault.detail for fault in error.errors)]


class ServiceEditedAdmin(AuditedModelAdmin[Row]):
    """Objects that staff add and change on a form, saved by services alone.

    A subclass says how in `save_by_service`; Django's add and change permissions say who. A refusal
    of the service undoes everything and is shown on the form, which keeps what was typed.
    """

    form = ServiceForm

    def save_by_service(
        self,
        request: HttpRequest,
        row: Row,
        form: Any,  # noqa: ANN401 - a ServiceForm
        *,
        change: bool,
    ) -> Row:
        """Save what the form says; the row as it is then. Raises DomainError."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super(AuditedModelAdmin, self).has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return super(AuditedModelAdmin, self).has_change_permission(request, obj)

    def get_form(
        self,
        request: HttpRequest,
        obj: Row | None = None,
        change: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        **options: Any,  # noqa: ANN401 - likewise
    ) -> type[Any]:
        made = super().get_form(request, obj, change, **options)
        return type(made.__name__, (made,), {"refusal": getattr(request, REFUSAL, None)})

    def get_fieldsets(self, request: HttpRequest, obj: Row | None = None) -> Any:  # noqa: ANN401 - Django's
        """With the row's version, which no eye sees, where something can be edited."""
        told = super().get_fieldsets(request, obj)
        if obj is None or not self.has_change_permission(request, obj):
            return told
        return [*told, (None, {"fields": (SEEN,)})]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Django's; once more with the refusal on the form when a service has refused."""
        try:
            with transaction.atomic():
                return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            setattr(request, REFUSAL, error)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Row, form: Any, change: bool) -> None:  # noqa: ANN401, FBT001 - Django's signature
        saved = self.save_by_service(request, obj, form, change=change)
        take_over(obj, saved)


def take_over(row: BaseModel, saved: BaseModel) -> None:
    """Let the form's row be what the service has made, for what Django does with it then."""
    values: Mapping[str, Any] = saved.__dict__
    row.__dict__.update({name: value for name, value in values.items() if name != "_state"})
    row._state.adding = False  # noqa: SLF001 - Django's documented state
