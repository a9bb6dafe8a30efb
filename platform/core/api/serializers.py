"""Shapes in and out: what comes in is refused unless every field is known and of its JSON type."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.settings import api_settings

from core.limits import TEXT_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rest_framework.fields import Field
    from rest_framework.request import Request

    from core.api.expansion import Expansion, Selection

Instance = TypeVar("Instance")

WHOLE = api_settings.NON_FIELD_ERRORS_KEY
INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)  # RFC 3339 section 5.6

# What JSON gives for each kind of field; the first class that a field is an instance of decides.
JSON_TYPES: tuple[tuple[Any, tuple[type, ...], str], ...] = (
    (serializers.BooleanField, (bool,), "true or false"),
    (serializers.IntegerField, (int,), "a whole number"),
    (serializers.FloatField, (int, float), "a number"),
    (serializers.DecimalField, (str,), "a decimal number as text"),
    (serializers.MultipleChoiceField, (list,), "a list"),
    (serializers.ChoiceField, (str,), "text"),
    (serializers.CharField, (str,), "text"),
    (serializers.UUIDField, (str,), "text"),
    (serializers.DateTimeField, (str,), "text"),
    (serializers.DateField, (str,), "text"),
    (serializers.TimeField, (str,), "text"),
    (serializers.DurationField, (str,), "text"),
    (serializers.SlugRelatedField, (str,), "text"),
    (serializers.ListField, (list,), "a list"),
    (serializers.ListSerializer, (list,), "a list"),
    (serializers.DictField, (dict,), "an object"),
    (serializers.BaseSerializer, (dict,), "an object"),
)


class InputSerializer(serializers.Serializer[Instance]):
    """What a client sends. Stricter than DRF's where DRF guesses.

    - An unknown field is an error (`unknown_field`), so a misspelt one is not silently dropped.
    - A value must have its field's JSON type (`invalid_type`): "1" and true are no numbers.
    - Text is brought to Unicode's NFC and holds no NUL or lone surrogate; without a `max_length` of
      its own it may have TEXT_MAX characters. Length counts code points.

    Fields that hold secrets say `trim_whitespace=False`. A multipart form has text alone, so there
    the types are DRF's to convert.
    """

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 - DRF's signature
        if not isinstance(data, Mapping):
            raise ValidationError({WHOLE: [_wrong_type("an object")]})
        faults = self._unknown_fields(data)
        if not isinstance(data, QueryDict):
            data, wrong = self._checked(data)
            faults.update(wrong)
        try:
            values = super().to_internal_value(data)
        except ValidationError as error:
            for name, fault in error.detail.items():  # type: ignore[union-attr] # a serializer's detail is a dict
                faults.setdefault(name, fault)
        if faults:
            raise ValidationError(faults)
        return values

    def _unknown_fields(self, data: Mapping[str, Any]) -> dict[str, Any]:
        known = {field.field_name for field in self._writable_fields}
        message = ErrorDetail("There is no such field.", code="unknown_field")
        return {str(name): [message] for name in data if name not in known}

    def _checked(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The data with its texts normalised, and the faults of type by field."""
        values = dict(data)
        faults: dict[str, Any] = {}
        for field in self._writable_fields:
            name = field.field_name
            if name in values:
                try:
                    values[name] = check_type(field, values[name])
                except ValidationError as error:
                    faults[name] = error.detail
                    del values[name]
        return values, faults


def check_type(field: Any, value: Any) -> Any:  # noqa: ANN401 - any field, any JSON value
    """The value, its texts in NFC, if it has the JSON type of the field; else ValidationError."""
    if value is None:  # whether null is allowed is the field's own question
        return None
    kinds, words = _json_types(field)
    if kinds and (type(value) not in kinds):
        raise ValidationError([_wrong_type(words)])
    if isinstance(value, str):
        return _check_text(field, value)
    child = getattr(field, "child", None)
    if child is not None and isinstance(value, list):
        return _check_items(child, enumerate(value), len(value))
    if child is not None and isinstance(value, dict):
        return dict(zip(value, _check_items(child, value.items(), len(value)), strict=True))
    return value


def _json_types(field: Any) -> tuple[tuple[type, ...], str]:  # noqa: ANN401 - any field
    own = getattr(field, "json_types", None)
    if own is not None:
        return own, " or ".join(kind.__name__ for kind in own)
    return next(
        ((kinds, words) for kind, kinds, words in JSON_TYPES if isinstance(field, kind)), ((), "")
    )


def _check_items(child: Any, items: Iterable[tuple[Any, Any]], size: int) -> list[Any]:  # noqa: ANN401 - any field
    checked: list[Any] = []
    faults: dict[Any, Any] = {}
    for key, value in items:
        try:
            checked.append(check_type(child, value))
        except ValidationError as error:
            faults[key] = error.detail
    if faults or len(checked) != size:
        raise ValidationError(faults)
    return checked


def _check_text(field: Field[Any, Any, Any, Any], value: str) -> str:
    """The text in NFC, which is what its length is measured in."""
    if "\x00" in value or not _is_unicode(value):
        raise ValidationError("NUL and lone surrogates are not text.", code="forbidden_character")
    text = value if value.isascii() else unicodedata.normalize("NFC", value)
    longest = getattr(field, "max_length", None) or TEXT_MAX
    if len(text) > longest:
        raise ValidationError(f"At most {longest} characters.", code="max_length")
    return text


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong_type(words: str) -> ErrorDetail:
    return ErrorDetail(f"This must be {words}.", code="invalid_type")


class InstantField(serializers.DateTimeField):
    """A time by RFC 3339, with its offset: without one it would be a time nobody agrees on."""

    def to_internal_value(self, value: Any) -> Any:  # noqa: ANN401 - DRF's signature
        if not isinstance(value, str) or INSTANT.fullmatch(value) is None:
            raise serializers.ValidationError(
                "A time by RFC 3339, e.g. 2030-01-31T12:00:00Z.", code="invalid"
            )
        return super().to_internal_value(value.upper())


class NothingIn(InputSerializer[None]):
    """An action that takes no input; a body with members is refused."""


class OutputSerializer(serializers.Serializer[Instance]):
    """What a client gets. Every field is for reading, and listed by name.

    With `?fields=a,b` on a list or a detail read only those are answered, with `?expand=` related
    objects whole; see core.api.selection.

    Attributes:
        expandable: what `expand` may name: members that are, or become, related objects.
        to_many: by member: the prefetch that it needs, for a path to the row ("" or "model__").
        beside: by member that moves without the row's version: what of a row it shows, or None
            for nothing; part of the ETag.
    """

    expandable: ClassVar[Mapping[str, Expansion]] = {}
    to_many: ClassVar[Mapping[str, Callable[[str], Any]]] = {}
    beside: ClassVar[Mapping[str, Callable[[Any], object]]] = {}

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - DRF's own
        selection: Selection | None = None,
        **options: Any,  # noqa: ANN401 - DRF's own
    ) -> None:
        self._selection = selection
        super().__init__(*args, **options)

    @property
    def selection(self) -> Selection | None:
        """What is wanted of the document; None: all of it."""
        if self._selection is None and self._is_outermost():
            wanted: Selection | None = self.context.get("selection")
            return wanted
        return self._selection

    def get_fields(self) -> dict[str, Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        wanted = self.selection
        if wanted is None:
            return fields
        for name, (expansion, inner) in wanted.expanded.items():
            source = expansion.source_as(name)
            fields[name] = expansion.serializer(
                selection=inner, allow_null=True, source=None if source == name else source
            )
        return {name: field for name, field in fields.items() if wanted.has(name)}

    def _is_outermost(self) -> bool:
        parent = self.parent
        in_list = isinstance(parent, serializers.ListSerializer) and parent.parent is None
        return parent is None or in_list


class ComputedField(serializers.Field[Any, Any, Any, Any]):
    """A member that one function makes of columns, however the row was read.

    Args:
        make: makes the value; called with the values of `of`, in order.
        of: attributes of the row, e.g. ("succeeded_rows", "failed_rows"), or model.name.
        shape: a field whose schema is the member's.
    """

    def __init__(
        self,
        make: Callable[..., object],
        *,
        of: tuple[str, ...],
        shape: Any,  # noqa: ANN401 - a field, or a schema
        **options: Any,  # noqa: ANN401 - the field's own
    ) -> None:
        self.make, self.of = make, of
        self._spectacular_annotation = {"field": shape}
        options.update(read_only=True, source="*")
        super().__init__(**options)

    def to_representation(self, value: Any) -> Any:  # noqa: ANN401 - DRF's signature
        return self.make(*[reduce(getattr, path.split("."), value) for path in self.of])


def validated(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The checked input of a call. Raises DRF's ValidationError, which becomes a 400."""
    data = serializer(data=request.data)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)
