"""Fields of models and versions that JSON has as objects and a multipart form as text."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.parsers import parse_json
from core.limits import JSON_MAX_BODY

OBJECT = {"type": "object", "additionalProperties": {}}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
CHANGES = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
PARENT = {
    "oneOf": [
        {"type": "integer", "minimum": 1},
        {
            "type": "object",
            "properties": {"model": {"type": "string"}, "version": {"type": "integer"}},
            "required": ["model", "version"],
        },
    ]
}


@extend_schema_field(OBJECT)
class DocumentField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object; in a multipart form it comes as text or as a file."""

    json_types: tuple[type, ...] = (dict,)
    is_plain = True  # see core.api.columns
    default_error_messages = {"invalid": "This must be a JSON object."}

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 - DRF's signature
        if isinstance(data, UploadedFile) and (data.size or 0) <= JSON_MAX_BODY:
            data = parse_json(data.read())
        elif isinstance(data, str):
            data = parse_json(data.encode("utf-8", "surrogatepass"))
        if type(data) not in self.json_types:
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:  # noqa: ANN401 - DRF's signature
        return value


@extend_schema_field(TEXTS)
class TagsField(DocumentField):
    """Texts by key."""


@extend_schema_field(CHANGES)
class TagChangesField(DocumentField):
    """Texts by key; null deletes a tag, those that are not named stay."""


@extend_schema_field(PARENT)
class ParentField(DocumentField):
    """A version's number, or the name of a model and the number of its version."""

    json_types = (dict, int)
    default_error_messages = {"invalid": "This must be a number, or an object with model, version."}
