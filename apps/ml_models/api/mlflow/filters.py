"""MLflow's filter language, as far as it is about the registry: clauses joined by AND.

https://mlflow.org/docs/latest/ml/search/search-models/ has the language. Values never become part
of a statement: a clause becomes a Q, or is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.db.models import Exists, OuterRef, Q

from apps.ml_models.models import RegistryTag
from core.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FILTER_MAX: Final = 2_000  # characters
CLAUSES_MAX: Final = 20
VALUE: Final = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\([^()]*\)|[0-9]{1,15}"
CLAUSE: Final = re.compile(
    rf"\s*(?P<field>\w+)(?:\.(?P<key>`[^`]+`|\"[^\"]+\"|[\w.\-]+))?\s*"
    rf"(?P<verb>=|!=|>=|<=|>|<|NOT\s+LIKE|LIKE|ILIKE|NOT\s+IN|IN)\s*(?P<value>{VALUE})\s*",
    re.IGNORECASE,
)
AND: Final = re.compile(r"AND\b", re.IGNORECASE)
ONE: Final = re.compile(rf"{VALUE}")
COMPARED: Final = {"=": "", ">": "__gt", ">=": "__gte", "<": "__lt", "<=": "__lte"}
TAGS: Final = frozenset({"tag", "tags"})

MODEL_FIELDS: Final = {"name": "name"}
VERSION_FIELDS: Final = {
    "name": "model__name",
    "run_id": "card__run_id",
    "source_path": "card__source",
    "version_number": "number",
}


def models_where(text: str) -> Q:
    """The condition on RegisteredModel. Raises InvalidError for what cannot be understood."""
    return _condition(text, MODEL_FIELDS, _tags_of_models)


def versions_where(text: str) -> Q:
    """The condition on ModelVersion. Raises InvalidError for what cannot be understood."""
    return _condition(text, VERSION_FIELDS, _tags_of_versions)


def _tags_of_models(key: str) -> Q:
    return Q(model=OuterRef("pk"), version__isnull=True, key=key)


def _tags_of_versions(key: str) -> Q:
    return Q(version=OuterRef("pk"), key=key)


def _condition(text: str, fields: Mapping[str, str], tags_of: Callable[[str], Q]) -> Q:
    condition = Q()
    for clause in _clauses(text):
        name = clause["field"].lower()
        verb = " ".join(clause["verb"].upper().split())
        if name in TAGS and clause["key"]:
            found = _on_tag(tags_of(clause["key"].strip('`"')), verb, clause["value"])
        elif name in fields and not clause["key"]:
            found = _on_column(fields[name], verb, clause["value"])
        else:
            raise InvalidError(f"Invalid attribute key '{name[:80]}' in the filter.")
        condition &= found
    return condition


def _clauses(text: str) -> Iterator[re.Match[str]]:
    if len(text) > FILTER_MAX:
        raise InvalidError(f"A filter may have {FILTER_MAX} characters.")
    position, count = 0, 0
    while text[position:].strip():
        clause = CLAUSE.match(text, position)
        count += 1
        if clause is None or count > CLAUSES_MAX:
            raise InvalidError(f"The filter cannot be understood from character {position} on.")
        yield clause
        position = clause.end()
        if position < len(text):
            joined = AND.match(text, position)
            if joined is None or not text[joined.end() :].strip():
                raise InvalidError("Clauses of a filter are joined by AND.")
            position = joined.end()


def _on_tag(tags: Q, verb: str, value: str) -> Q:
    """As MLflow has it, `!=` also takes what has no such tag."""
    if verb == "!=":
        return ~Q(Exists(RegistryTag.objects.filter(tags, value=_text(value))))
    return Q(Exists(RegistryTag.objects.filter(tags & _on_column("value", verb, value))))


def _on_column(column: str, verb: str, value: str) -> Q:
    if verb in COMPARED:
        return Q(**{f"{column}{COMPARED[verb]}": _operand(column, value)})
    if verb == "!=":
        return ~Q(**{column: _operand(column, value)})
    if verb in {"IN", "NOT IN"}:
        if not value.startswith("("):
            raise InvalidError("IN takes a list in brackets.")
        listed = Q(**{f"{column}__in": [_operand(column, one) for one in ONE.findall(value[1:-1])]})
        return ~listed if verb == "NOT IN" else listed
    like = Q(**{f"{column}__{'iregex' if verb == 'ILIKE' else 'regex'}": _pattern(_text(value))})
    return ~like if verb == "NOT LIKE" else like


def _operand(column: str, value: str) -> str | int:
    text = value if value.isdecimal() else _text(value)
    if column != "number":
        return text
    if not (text.isascii() and text.isdecimal() and len(text) < 10):  # noqa: PLR2004 - digits of a number that can be
        raise InvalidError("A version's number is expected in the filter.")
    return int(text)


def _text(value: str) -> str:
    if value[:1] not in {"'", '"'}:
        raise InvalidError("A quoted text is expected in the filter.")
    return re.sub(r"\\(.)", r"\1", value[1:-1])


def _pattern(like: str) -> str:
    """SQL's LIKE as a regular expression; everything but % and _ stands for itself."""
    translated = (".*" if char == "%" else "." if char == "_" else re.escape(char) for char in like)
    return f"^{''.join(translated)}$"
