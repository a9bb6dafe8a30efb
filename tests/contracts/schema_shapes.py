"""Whether values that fitted one JSON Schema still fit another: half of the schema differ.

What goes in may only become easier to write, what comes out only easier to read. A shape is a
schema without references, `allOf`, `oneOf`, `anyOf` and lists of types: one type, or any.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Schema = dict[str, Any]
Way = Literal["in", "out"]

ANY: Final = "any"
NULL: Final = "null"
# Keywords that say something to people, or that are compared elsewhere.
TOLD: Final = frozenset(
    {"description", "title", "example", "examples", "deprecated", "readOnly", "writeOnly"}
)
LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
HANDLED: Final = frozenset(
    {
        *(*LEAST, *MOST, "type", "format", "pattern", "enum", "const", "multipleOf", "default"),
        *("uniqueItems", "properties", "required", "additionalProperties", "items"),
    }
)
WIDER_FORMATS: Final = {("int32", "int64"), ("float", "double"), ("uri", "uri-reference")}


@dataclass(frozen=True)
class Change:
    """A change that breaks somebody.

    Attributes:
        rule: a key of schema_differ.RULES.
        where: operation and place, e.g. "POST /models, body #/name".
        what: a few words about this one.
    """

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.where}: {self.what}"


@dataclass(frozen=True)
class Document:
    """An OpenAPI document that schemas are resolved in."""

    content: Schema

    def resolve(self, schema: Schema) -> Schema:
        """Without a reference at its top; what stands beside the reference is kept."""
        while "$ref" in schema:
            found: Any = self.content
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            schema = {**found, **beside}
        return schema

    def shapes(self, schema: Schema | bool) -> list[Schema]:
        """One for each alternative and type."""
        if isinstance(schema, bool):
            return [{"type": ANY}] if schema else []
        schema = self._merged(self.resolve(schema))
        for keyword in ("oneOf", "anyOf"):
            if keyword in schema:
                rest = {name: value for name, value in schema.items() if name != keyword}
                each = [self._merged({"allOf": [rest, option]}) for option in schema[keyword]]
                return [shape for option in each for shape in self.shapes(option)]
        return [{**schema, "type": kind} for kind in _types(schema) if _can_be(schema, kind)]

    def _merged(self, schema: Schema) -> Schema:
        """`allOf` as one schema; of a limit that several name, the last counts."""
        parts = schema.get("allOf")
        if parts is None:
            return schema
        merged: Schema = {name: value for name, value in schema.items() if name != "allOf"}
        for part in parts:
            found = self._merged(self.resolve(part))
            properties = {**merged.get("properties", {}), **found.get("properties", {})}
            required = [*merged.get("required", []), *found.get("required", [])]
            merged = {**merged, **found}
            merged |= {"properties": properties} if properties else {}
            merged |= {"required": required} if required else {}
        return merged


def _types(schema: Schema) -> list[str]:
    """The types that it names, or that its values or members give away."""
    named = schema.get("type")
    if named is not None:
        return [named] if isinstance(named, str) else list(named)
    values = _values(schema)
    if values is not None:
        return sorted({_type_of(value) for value in values})
    return ["object"] if "properties" in schema else [ANY]


def _values(schema: Schema) -> list[Any] | None:
    """What an enum or const leaves; None: no such limit."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _type_of(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): NULL}
    return names.get(type(value), ANY)


def _can_be(schema: Schema, kind: str) -> bool:
    """Whether an enum, if one is there, has a value of this type."""
    values = _values(schema)
    return values is None or any(_covers(kind, _type_of(value)) for value in values)


def _covers(wide: str, narrow: str) -> bool:
    return wide in {ANY, narrow} or (wide, narrow) == ("number", "integer")


@dataclass
class Comparison:
    """Of schemas before and after, in one direction.

    Attributes:
        may_go: whether a member that was there may be left out now, for its sunset has passed.
        within: pairs of references that are being compared; what refers to itself ends there.
    """

    old: Document
    new: Document
    way: Way
    may_go: Callable[[Schema], bool]
    within: set[tuple[str, str]] = field(default_factory=set)

    def changes(self, old: Schema | bool, new: Schema | bool, where: str) -> Iterator[Change]:
        """What breaks where the one becomes the other."""
        pair = (_reference(old), _reference(new))
        if not all(pair):
            yield from self._shapes(old, new, where)
        elif pair not in self.within:
            self.within.add(pair)
            yield from self._shapes(old, new, where)
            self.within.remove(pair)

    def _shapes(self, old: Schema | bool, new: Schema | bool, where: str) -> Iterator[Change]:
        before, after = self.old.shapes(old), self.new.shapes(new)
        given, takers = (before, after) if self.way == "in" else (after, before)
        for shape in given:
            yield from self._taken(shape, takers, where)

    def _taken(self, given: Schema, takers: list[Schema], where: str) -> Iterator[Change]:
        """The least that keeps this shape from fitting one of the others."""
        fitting = [shape for shape in takers if _covers(shape["type"], given["type"])]
        if not fitting:
            yield self._lost(given, takers, where)
            return
        if any(shape["type"] == ANY for shape in fitting):
            return
        found = [list(self._compared(given, shape, where)) for shape in fitting]
        yield from min(found, key=len)

    def _lost(self, given: Schema, takers: list[Schema], where: str) -> Change:
        kinds = " or ".join(dict.fromkeys(shape["type"] for shape in takers)) or "nothing"
        if self.way == "in":
            rule = "null_refused" if given["type"] == NULL else "type_changed"
            return Change(rule, where, f"{given['type']} was taken, now {kinds}")
        rule = "made_nullable" if given["type"] == NULL else "type_changed"
        return Change(rule, where, f"it was {kinds}, now it may be {given['type']}")

    def _compared(self, given: Schema, taker: Schema, where: str) -> Iterator[Change]:
        old, new = (given, taker) if self.way == "in" else (taker, given)
        yield from self._unknown(old, new, where)
        yield from _format(old, new, where, self.way)
        if self.way == "in":
            yield from _narrowed(old, new, where)
        if old["type"] == "object":
            yield from self._members(old, new, where)
        if old["type"] == "array":
            yield from self.changes(old.get("items", True), new.get("items", True), f"{where}/*")

    @staticmethod
    def _unknown(old: Schema, new: Schema, where: str) -> Iterator[Change]:
        """A keyword that nobody has taught this comparison is not passed over."""
        for name in sorted((old.keys() | new.keys()) - HANDLED - TOLD):
            if not name.startswith("x-") and old.get(name) != new.get(name):
                yield Change("not_understood", where, f"the keyword {name} differs")

    # -- Objects

    def _members(self, old: Schema, new: Schema, where: str) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name in after:
                yield from self.changes(schema, after[name], f"{where}/{name}")
            elif not self.may_go(self.old.resolve(schema)):
                yield Change("member_removed", where, name)
        was, must = set(old.get("required", [])), set(new.get("required", []))
        if self.way == "in":
            for name in sorted(must - was):
                yield Change("member_required", where, name)
        else:
            for name in sorted((was - must) & after.keys()):
                yield Change("member_optional", where, name)
        yield from self._others(old, new, where)

    def _others(self, old: Schema, new: Schema, where: str) -> Iterator[Change]:
        """Members without a name in the schema."""
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if before is False:
            return
        if after is False:
            if self.way == "in":
                yield Change("additional_properties_closed", where, "unknown members are refused")
            return
        yield from self.changes(before, after, f"{where}/{{}}")


def _reference(schema: Schema | bool) -> str:
    return schema.get("$ref", "") if isinstance(schema, dict) else ""


def _narrowed(old: Schema, new: Schema, where: str) -> Iterator[Change]:
    """What could be sent and is refused now."""
    yield from _values_gone(old, new, where)
    for name in LEAST:
        if name in new and new[name] > old.get(name, float("-inf")):
            yield _limit(old, new, name, where)
    for name in MOST:
        if name in new and new[name] < old.get(name, float("inf")):
            yield _limit(old, new, name, where)
    if "default" in old and old["default"] != new.get("default"):
        yield Change("default_changed", where, f"it was {old['default']}, now {new.get('default')}")
    for name in ("pattern", "multipleOf", "uniqueItems"):
        if new.get(name) and new[name] != old.get(name):
            yield _limit(old, new, name, where)


def _limit(old: Schema, new: Schema, name: str, where: str) -> Change:
    return Change("limit_narrowed", where, f"{name} was {old.get(name, 'free')}, now {new[name]}")


def _values_gone(old: Schema, new: Schema, where: str) -> Iterator[Change]:
    allowed = _values(new)
    if allowed is None:
        return
    known = _values(old)
    if known is None:
        yield Change("enum_narrowed", where, f"it was free, now one of {allowed}")
        return
    gone = [value for value in known if value not in allowed and value is not None]
    if gone:
        yield Change(
            "enum_narrowed", where, f"{', '.join(map(str, gone))} may not be sent any more"
        )


def _format(old: Schema, new: Schema, where: str, way: Way) -> Iterator[Change]:
    """In: a format that is asked for now. Out: one that readers relied on."""
    before, after = old.get("format"), new.get("format")
    binding, wider = (after, (before, after)) if way == "in" else (before, (after, before))
    if before != after and binding is not None and wider not in WIDER_FORMATS:
        yield Change("format_changed", where, f"it was {before or 'free'}, now {after or 'free'}")
