"""What the sender says of a version beside its file: checked as a whole, each fault with a pointer.

Nothing of it is trusted, opened or fetched: it is text and numbers about a model, kept for people
and for the promotion gate.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.ml_models.errors import InvalidVersionFactsError
from apps.ml_models.models.knowledge import CARD_MAX, TAG_KEY_MAX, TAG_VALUE_MAX
from apps.ml_models.services.references import read_reference
from core.errors import FieldError
from serving.artefact import SHA256
from serving.documents import DocumentError, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DESCRIPTION_MAX = 2_000  # characters
RUN_ID_MAX = 64
SOURCE_MAX = 500
NAME_MAX = 128  # characters of a metric's, parameter's or framework's name
VALUE_MAX = 2_000  # characters of a text among metrics or training parameters
DEPTH_MAX = 6  # objects and lists within each other
NODES_MAX = 5_000  # values of one document
EXACT_MAX = 2**53  # integers beyond are not exact in a double
FRAMEWORKS_MAX = 32
FRAMEWORK_VERSION_MAX = 64  # characters
TAGS_MAX = 100  # of one model or version
NUMBER_MAX = 2**31 - 1  # of a version
WHITESPACE = frozenset("\n\r\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is said of a version when it comes in; everything may be left out.

    Attributes:
        metrics: by name, numbers or whatever belongs to them, e.g. {"auc": 0.927}.
        description: one or two sentences.
        model_card: Markdown; use, limits, data, ethics.
        training: parameters, rows, times.
        training_data_digest: SHA-256 of the training data, hex.
        frameworks: what it was trained with, by name.
        run_id: of the experiment's run.
        source: where it comes from; text that nothing opens.
        parent: number of a version of the same model, or {"model": name, "version": number}.
        reference: how features and score were spread in training; see services.references.
        tags: texts by key.
    """

    metrics: Mapping[str, object] = field(default_factory=dict)
    description: str = ""
    model_card: str = ""
    training: Mapping[str, object] = field(default_factory=dict)
    training_data_digest: str = ""
    frameworks: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""
    source: str = ""
    parent: int | Mapping[str, object] | None = None
    reference: Mapping[str, object] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


NOTHING = Knowledge()


def check_knowledge(knowledge: Knowledge, signature: Mapping[str, object] | None) -> None:
    """Refuse what cannot be kept, with the first fault of each field.

    Args:
        knowledge: as it was sent.
        signature: the declared signature document, already checked; features of the reference
            are looked up in it when there is one.

    Raises:
        InvalidVersionFactsError: 400, naming every field that is wrong.
    """
    checks: dict[str, Callable[[Node], object]] = {
        **CHECKS,
        "reference": lambda node: read_reference(node, signature),
    }
    sent = {name: getattr(knowledge, name) for name in checks}
    refuse_faults({name: (checks[name], value) for name, value in sent.items() if value})


def refuse_faults(fields: Mapping[str, tuple[Callable[[Node], object], object]]) -> None:
    """Run the check of each field on its value. Raises InvalidVersionFactsError for all at once."""
    faults = tuple(
        fault
        for name, (check, value) in fields.items()
        if (fault := _fault(check, Node(value, f"/{name}"))) is not None
    )
    if faults:
        raise InvalidVersionFactsError(faults[0].detail, errors=faults)


def _fault(check: Callable[[Node], object], node: Node) -> FieldError | None:
    try:
        check(node)
    except DocumentError as error:
        return FieldError("invalid", error.detail, pointer=f"#{error.pointer}")
    return None


def check_text(node: Node, *, at_most: int, at_least: int = 0) -> None:
    """Text of several lines: no control character but line ends and tabs."""
    text = node.value
    if not isinstance(text, str):
        node.refuse("Text is expected here.")
    if not at_least <= len(text) <= at_most:
        node.refuse(f"Between {at_least} and {at_most} characters are expected.")
    if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in text if sign not in WHITESPACE):
        node.refuse("Control characters are not allowed.")


def check_description(node: Node) -> None:
    check_text(node, at_most=DESCRIPTION_MAX)


def check_card(node: Node) -> None:
    check_text(node, at_most=CARD_MAX)


def check_tags(node: Node) -> None:
    """An object of texts by key, as MLflow has them; null, which deletes one, is for changes."""
    entries = node.entries()
    if len(entries) > TAGS_MAX:
        node.refuse(f"At most {TAGS_MAX} tags are allowed.")
    for key, value in entries.items():
        Node(key, value.pointer).text(at_least=1, at_most=TAG_KEY_MAX)
        if not key.strip():
            value.refuse("A key of blanks is none.")
        check_text(value, at_most=TAG_VALUE_MAX)


def check_document(node: Node) -> None:
    """An object of names, numbers, texts, lists and objects: bounded in depth, size and values."""
    node.entries()
    waiting, seen = [(node, 1)], 0
    while waiting:
        inner, depth = waiting.pop()
        seen += 1
        if depth > DEPTH_MAX or seen > NODES_MAX:
            node.refuse(f"At most {NODES_MAX} values, {DEPTH_MAX} levels deep, are allowed.")
        waiting += [(child, depth + 1) for child in _children(inner)]


def _children(node: Node) -> list[Node]:
    """What a value holds; a value that holds nothing is checked."""
    if isinstance(node.value, dict):
        entries = node.entries()
        for name, child in entries.items():
            Node(name, child.pointer).text(at_least=1, at_most=NAME_MAX)
        return list(entries.values())
    if isinstance(node.value, list | tuple):
        return node.elements(at_most=NODES_MAX)
    _check_value(node)
    return []


def _check_value(node: Node) -> None:
    if isinstance(node.value, str):
        check_text(node, at_most=VALUE_MAX)
    elif type(node.value) is int:
        node.integer(at_least=-EXACT_MAX, at_most=EXACT_MAX)
    elif node.value is not None and not isinstance(node.value, bool):
        node.finite()


def _check_frameworks(node: Node) -> None:
    entries = node.entries()
    if len(entries) > FRAMEWORKS_MAX:
        node.refuse(f"At most {FRAMEWORKS_MAX} frameworks are allowed.")
    for name, version in entries.items():
        Node(name, version.pointer).text(at_least=1, at_most=NAME_MAX)
        version.text(at_least=1, at_most=FRAMEWORK_VERSION_MAX)


def _check_digest(node: Node) -> None:
    if not isinstance(node.value, str) or not SHA256.fullmatch(node.value):
        node.refuse("64 lower-case hexadecimal digits are expected.")


def _check_parent(node: Node) -> None:
    if isinstance(node.value, dict):
        members = node.members(required=("model", "version"))
        members["model"].text(at_least=1, at_most=64)
        node = members["version"]
    node.integer(at_least=1, at_most=NUMBER_MAX)


CHECKS: Mapping[str, Callable[[Node], object]] = {
    "metrics": check_document,
    "description": check_description,
    "model_card": check_card,
    "training": check_document,
    "training_data_digest": _check_digest,
    "frameworks": _check_frameworks,
    "run_id": lambda node: node.text(at_most=RUN_ID_MAX),
    "source": lambda node: node.text(at_most=SOURCE_MAX),
    "parent": _check_parent,
    "tags": check_tags,
}
