"""Pages that name tests, codes and artefacts: all of them exist, and none is left out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from serving.reasons import ReasonCode
from tests.hostile import archives, configs, reaching, weight_files
from tests.hostile.recipe import HOSTILE

ROOT = Path(__file__).resolve().parents[2]
TESTS = [
    ROOT / "tests" / name
    for name in (
        "core",
        "serving",
        "hostile",
        "journeys",
        "apps/ml_models",
        "apps/orders",
        "apps/products",
    )
]
KINDS = (reaching, archives, configs, weight_files)  # importing them makes the list
PAGES = {
    "admin": 45,
    "mlflow": 20,
    "model-lifecycle": 60,
    "monitoring": 50,
    "prediction-log": 55,
    "promotion": 60,
    "rollouts": 20,
    "serving": 35,
    "traffic": 80,
    "validation": 70,
}
"""Pages of docs/subsystems, and how many tests each names at least."""


def page(name):
    return (ROOT / "docs" / "subsystems" / f"{name}.md").read_text()


def names_in(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and member.name.startswith("test_"):
                    yield f"{node.name}.{member.name}"


def rows_of(text, heading):
    """First cells of the tables in the section of a heading, without their back quotes."""
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([a-z0-9_]+)` \|", section, flags=re.MULTILINE)


class TestSubsystemPages:
    @pytest.mark.parametrize("name", sorted(PAGES))
    def test_name_tests_that_exist(self, name):
        existing = {
            test
            for folder in TESTS
            for path in folder.rglob("test_*.py")
            for test in names_in(path)
        }
        named = set(re.findall(r"`(Test\w+\.test_\w+)`", page(name)))
        assert len(named) >= PAGES[name]
        assert named - existing == set()


class TestValidationPage:
    def test_explains_every_reason_code_as_the_api_does(self):
        assert rows_of(page("validation"), "Reason codes") == [*ReasonCode]
        for reason in ReasonCode:
            assert f"| `{reason}` | {reason.explanation} |" in page("validation")

    def test_lists_every_hostile_artefact(self):
        listed = rows_of(page("validation"), "The hostile set")
        assert len(listed) == len(set(listed))
        assert set(listed) == {*HOSTILE}
        assert f"\n{len(HOSTILE)} artefacts" in page("validation")
