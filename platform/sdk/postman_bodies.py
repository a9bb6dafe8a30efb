"""What a request of the collection sends: the schema's own examples."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdk.document import Document

JSON = "application/json"
FORM = "multipart/form-data"
# Members that another request of the collection has filled.
FILLED = {
    "log_in": {"username": "{{username}}", "password": "{{password}}"},
    "create_webhook_endpoint": {"application_id": "{{application_id}}"},
}
REFRESHES = ("refresh_login", "log_out")


def body_of(document: Document, operation: Document) -> tuple[Document | None, str]:
    """The body as Postman has it, and the media type to name; that of a form it names itself."""
    content = operation.get("requestBody", {}).get("content", {})
    if JSON in content:
        text = json.dumps(_example(operation, content[JSON]), indent=2, ensure_ascii=False)
        return {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}, JSON
    if FORM in content:
        return {"mode": "formdata", "formdata": _fields(document, content[FORM])}, ""
    return None, ""


def _example(operation: Document, content: Document) -> Any:  # noqa: ANN401 - JSON
    name = operation["operationId"]
    if name in REFRESHES:
        return {"refresh": "{{refresh_token}}"}
    examples = content.get("examples", {})
    shown: Any = next((example["value"] for example in examples.values()), {})
    return {**shown, **FILLED.get(name, {})} if isinstance(shown, dict) else shown


def _fields(document: Document, content: Document) -> list[Document]:
    schema = content["schema"]
    name = schema.get("$ref", "").rpartition("/")[2]
    members = document["components"]["schemas"].get(name, schema).get("properties", {})
    return [_field(name, member) for name, member in members.items()]


def _field(name: str, member: Document) -> Document:
    described = {"key": name, "description": member.get("description", "")}
    if member.get("format") == "binary" or "contentMediaType" in member:
        return {**described, "type": "file", "src": []}
    return {**described, "type": "text", "value": "", "disabled": True}
