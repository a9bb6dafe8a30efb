"""The list of reason codes is the truth: nobody raises another, and none is there for nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from serving.reasons import ReasonCode, explained

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *(ROOT / "platform/serving").rglob("*.py"),
    *(ROOT / "apps/ml_models/services").glob("*.py"),
    *(ROOT / "apps/ml_models/runtime").glob("*.py"),
]
RAISERS = frozenset({"ArtefactError", "refuse", "_refuse", "_refusal"})
CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
ELSEWHERE = {ReasonCode.SANDBOX_KILLED}  # raised with the signal behind it


def literal_codes(tree):
    """The codes that are given as text to whatever refuses an artefact."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name, first = getattr(node.func, "id", ""), node.args[0]  # a.refuse("units") is another
        value = getattr(first, "value", None)
        if name in RAISERS and isinstance(value, str) and CODE.fullmatch(value):
            yield value


def uses(path):
    """Codes by member and by text; the list itself does not count."""
    text = path.read_text()
    members = {
        ReasonCode[name].value
        for name in re.findall(r"\bReasonCode\.([A-Z0-9_]+)\b", text)
        if name in ReasonCode.__members__
    }
    return members | set(re.findall(r'"([a-z0-9_]+)"', text))


class TestReasonCodes:
    def test_every_code_that_is_raised_is_listed(self):
        unknown = {
            (path.name, code)
            for path in SOURCES
            if "batch" not in path.parts
            for code in literal_codes(ast.parse(path.read_text()))
            if not explained(code)
        }
        assert unknown == set()

    def test_every_listed_code_is_raised_somewhere(self):
        used = set().union(*(uses(path) for path in SOURCES if path.name != "reasons.py"))
        assert {code for code in ReasonCode if code not in used} - ELSEWHERE == set()

    def test_codes_are_short_and_snake_case(self):
        for code in ReasonCode:
            assert CODE.fullmatch(code), code
            assert code.name == code.value.upper()

    def test_explanations_are_one_sentence(self):
        for code in ReasonCode:
            assert code.explanation.endswith(".")
            assert ". " not in code.explanation
            assert len(code.explanation) <= 100

    @pytest.mark.parametrize(
        ("code", "known"),
        [
            ("class_not_allowed", True),
            ("sandbox_killed:SIGSEGV", True),
            ("sandbox_killed:64", True),
            ("sandbox_killed:rm -rf", False),
            ("class_not_allowed:SIGSEGV", False),
            ("unheard_of", False),
            ("", False),
        ],
    )
    def test_a_stored_code_is_explained(self, code, known):
        assert bool(explained(code)) is known
