from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "subsystems" / "serving.md"


def names_in(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and member.name.startswith("test_"):
                    yield f"{node.name}.{member.name}"


class TestSubsystemPage:
    def test_names_tests_that_exist(self):
        existing = {name for path in HERE.rglob("test_*.py") for name in names_in(path)}
        named = set(re.findall(r"`(Test\w+\.test_\w+)`", PAGE.read_text()))
        assert len(named) > 40
        assert named - existing == set()
