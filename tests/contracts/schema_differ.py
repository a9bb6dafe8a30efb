"""What a new OpenAPI document breaks for whoever wrote a program against the old one.

`breaking_changes(old, new, today=...)` lists it; an empty list means that old programs still work.
The rules are those of docs/how-to/change-the-api.md. Changes that only add are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from tests.contracts.schema_shapes import Change, Comparison, Document, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS: Final = ("get", "post", "put", "patch", "delete")
SUNSET: Final = "x-sunset"  # beside `deprecated`: the day on which it may go
SCOPE: Final = "x-required-scope"
ANY_SCOPE: Final = "any"
KEY: Final = "Idempotency-Key"

# Rule -> whom it breaks.
RULES: Final[dict[str, str]] = {
    "operation_removed": "Calls of it answer 404 or 405.",
    "operation_id_changed": "Generated clients name their functions after it.",
    "response_removed": "Programs wait for this success.",
    "response_media_type_removed": "Programs ask for this form with Accept.",
    "header_removed": "Programs read this header.",
    "request_media_type_removed": "Bodies in this form are refused.",
    "body_required": "Calls without a body are refused.",
    "body_removed": "What was sent is ignored or refused.",
    "parameter_removed": "An unknown parameter is refused.",
    "parameter_required": "Calls without the parameter are refused.",
    "spelling_changed": "Programs write the parameter's list or object the old way.",
    "idempotency_required": "Calls without Idempotency-Key are refused.",
    "precondition_required": "Calls without If-Match are refused.",
    "scope_tightened": "Credentials that were enough are refused.",
    "security_narrowed": "Credentials of this kind are refused.",
    "webhook_removed": "Receivers wait for this event.",
    "member_removed": "In: an unknown member is refused. Out: programs read it.",
    "member_required": "Bodies without the member are refused.",
    "member_optional": "Programs rely on its being there.",
    "made_nullable": "Programs do not expect null.",
    "null_refused": "Programs send null.",
    "type_changed": "Programs send or expect the other type.",
    "format_changed": "Programs send or expect the other format.",
    "enum_narrowed": "Programs send the value that is gone.",
    "limit_narrowed": "Programs send what lies beyond the new limit.",
    "default_changed": "Programs leave it out and mean the old value.",
    "additional_properties_closed": "Programs send members that the schema does not name.",
    "not_understood": "This keyword is new to tests/contracts/schema_shapes.py: teach it.",
}


def breaking_changes(old: Schema, new: Schema, *, today: date) -> list[Change]:
    """What breaks; `today` decides what is past its sunset and may go."""
    differ = Differ(Document(old), Document(new), today)
    return [*differ.operations(), *differ.webhooks()]


@dataclass(frozen=True)
class Differ:
    """Two documents, and the day of the comparison (UTC)."""

    old: Document
    new: Document
    today: date

    def operations(self) -> Iterator[Change]:
        after = self.new.content["paths"]
        for path, item in self.old.content["paths"].items():
            for method in METHODS:
                if method not in item:
                    continue
                name, found = f"{method.upper()} {path}", after.get(path, {}).get(method)
                if found is not None:
                    yield from self._operation(name, item[method], found)
                elif not self.may_go(item[method]):
                    yield Change("operation_removed", name, "there is no such operation")

    def webhooks(self) -> Iterator[Change]:
        """What we send: the direction of an answer."""
        after = self.new.content.get("webhooks", {})
        for name, item in self.old.content.get("webhooks", {}).items():
            if name not in after:
                yield Change("webhook_removed", f"webhook {name}", "it is not sent any more")
                continue
            for method in set(METHODS) & item.keys() & after[name].keys():
                bodies = (side[method].get("requestBody", {}) for side in (item, after[name]))
                yield from self._contents(*bodies, f"webhook {name}", "response")

    def may_go(self, described: Schema) -> bool:
        """Whether it was announced as deprecated, with a last day that has passed."""
        sunset = described.get(SUNSET)
        announced = bool(described.get("deprecated")) and sunset is not None
        return announced and date.fromisoformat(sunset) <= self.today

    # -- One operation

    def _operation(self, name: str, old: Schema, new: Schema) -> Iterator[Change]:
        if old.get("operationId") != new.get("operationId"):
            what = f"it was {old.get('operationId')}, now {new.get('operationId')}"
            yield Change("operation_id_changed", name, what)
        yield from _access(name, old, new)
        if "428" in new["responses"] and "428" not in old["responses"]:
            yield Change("precondition_required", name, "If-Match has become required")
        yield from self._parameters(name, old, new)
        yield from self._body(name, old.get("requestBody"), new.get("requestBody"))
        yield from self._responses(name, old["responses"], new["responses"])

    def _compare(
        self, way: str, old: Schema | bool, new: Schema | bool, where: str
    ) -> Iterator[Change]:
        comparison = Comparison(self.old, self.new, way, self.may_go)  # type: ignore[arg-type]
        return comparison.changes(old, new, where)

    # -- What is sent

    def _parameters(self, name: str, old: Schema, new: Schema) -> Iterator[Change]:
        before, after = _by_place(self.old, old), _by_place(self.new, new)
        for place, parameter in before.items():
            if place in after:
                where = f"{name}, {place[0]} parameter {place[1]}"
                schemas = parameter.get("schema", True), after[place].get("schema", True)
                yield from self._compare("in", *schemas, where)
                spellings = [_spelling(each) for each in (parameter, after[place])]
                if spellings[0] != spellings[1]:
                    yield Change("spelling_changed", where, "it was {}, now {}".format(*spellings))
            elif not self.may_go(parameter):
                yield Change("parameter_removed", name, place[1])
        for place, parameter in after.items():
            was = before.get(place, {}).get("required", False)
            if parameter.get("required", False) and not was:
                rule = "idempotency_required" if place[1] == KEY else "parameter_required"
                yield Change(rule, name, place[1])

    def _body(self, name: str, old: Schema | None, new: Schema | None) -> Iterator[Change]:
        if new is not None and new.get("required") and not (old or {}).get("required"):
            yield Change("body_required", name, "a body has become required")
        if old is None:
            return
        if new is None:
            yield Change("body_removed", name, "no body is taken any more")
            return
        yield from self._contents(old, new, name, "request")

    # -- What is answered

    def _responses(self, name: str, old: Schema, new: Schema) -> Iterator[Change]:
        """Successes must stay; a refusal that cannot happen any more breaks nobody."""
        for status, answer in old.items():
            if status not in new:
                if status < "4":
                    yield Change("response_removed", name, status)
                continue
            where = f"{name}, answer {status}"
            yield from self._headers(where, answer, new[status])
            yield from self._contents(answer, new[status], where, "response")

    @staticmethod
    def _headers(where: str, old: Schema, new: Schema) -> Iterator[Change]:
        for header in sorted(old.get("headers", {}).keys() - new.get("headers", {}).keys()):
            yield Change("header_removed", where, header)

    def _contents(self, old: Schema, new: Schema, where: str, kind: str) -> Iterator[Change]:
        """Of a body or an answer, by media type."""
        after = new.get("content", {})
        for media_type, content in old.get("content", {}).items():
            if media_type not in after:
                yield Change(f"{kind}_media_type_removed", where, media_type)
                continue
            way = "in" if kind == "request" else "out"
            schemas = content.get("schema", True), after[media_type].get("schema", True)
            yield from self._compare(way, *schemas, f"{where}, body #")


def _access(name: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = old.get(SCOPE), new.get(SCOPE)
    if after not in {before, None} and not (after == ANY_SCOPE and before is not None):
        yield Change("scope_tightened", name, f"it was {before or 'public'}, now {after}")
    kinds = [{scheme for way in side.get("security", []) for scheme in way} for side in (old, new)]
    if kinds[1]:  # else it is public now
        for scheme in sorted(kinds[0] - kinds[1]):
            yield Change("security_narrowed", name, scheme)


def _spelling(parameter: Schema) -> str:
    """How several values are written; OpenAPI 3.1 section 4.8.12.2 says what is left out."""
    style = parameter.get("style", "form" if parameter["in"] in {"query", "cookie"} else "simple")
    return f"{style}, {'one by one' if parameter.get('explode', style == 'form') else 'joined'}"


def _by_place(document: Document, operation: Schema) -> dict[tuple[str, str], dict[str, Any]]:
    """Parameters by place and name, e.g. ("query", "limit")."""
    resolved = [document.resolve(parameter) for parameter in operation.get("parameters", [])]
    return {(parameter["in"], parameter["name"]): parameter for parameter in resolved}
