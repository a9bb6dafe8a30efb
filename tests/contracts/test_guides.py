"""What guides, tutorial and subsystem pages say is so: scopes, operations, codes, tests, links."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

from core.api.advice import ADVICE
from core.api.errors import status_of
from core.api.permissions import PUBLIC
from core.api.problems import known_errors
from core.security.scopes import (
    GRANTABLE_SCOPES,
    SCOPES,
    grantable_to,
    scopes_of_login,
)
from tests.contracts.routes import BASE, OPERATIONS, shape

ROOT = Path(__file__).resolve().parents[2]
SCOPES_GUIDE = ROOT / "docs/guides/scopes.md"
ERRORS_GUIDE = ROOT / "docs/guides/errors.md"
LIMITS_GUIDE = ROOT / "docs/guides/limits.md"
FOR_DEVELOPERS = sorted([*ROOT.glob("docs/guides/*.md"), *ROOT.glob("docs/tutorials/*.md")])
SUBSYSTEMS = sorted(ROOT.glob("docs/subsystems/*.md"))
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])

CODE = re.compile(r"\b([45]\d\d) `([a-z_]+)`")
TEST = re.compile(r"`(?:(Test\w+)\.|…)?(test_\w+)`")
TEST_CLASS = re.compile(r"`(Test\w+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name_of(page):
    return str(page.relative_to(ROOT))


def rows(page, first_cell):
    """The cells of a table's rows, the table being the one whose head begins with `first_cell`."""
    lines = iter(page.read_text().splitlines())
    for line in lines:
        if line.startswith(f"| {first_cell} |"):
            break
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def anchor(heading):
    """As GitHub makes it: small letters, no punctuation, hyphens for spaces."""
    text = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return text.replace(" ", "-")


@cache
def known_tests():
    """Names of all tests, and of all their classes, anywhere under tests/."""
    source = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return (
        set(re.findall(r"^\s*def (test_\w+)", source, re.MULTILINE)),
        set(re.findall(r"^class (Test\w+)", source, re.MULTILINE)),
    )


def operations_told():
    """By operation, its scope and class of work, as the scopes guide tells them."""
    return {
        shape(name.strip("`").replace("/", "", 1)): (scope.strip("`"), work.split("`")[1])
        for name, scope, work in rows(SCOPES_GUIDE, "operation")
    }


def scope_in_words(operation):
    return {PUBLIC: "public", None: "any"}.get(operation.scope, operation.scope)


class TestScopes:
    def test_are_all_in_the_guide_in_the_words_of_the_consent_page(self):
        said = {row[0].strip("`"): row[1] for row in rows(SCOPES_GUIDE, "scope")}

        assert said == SCOPES

    def test_belong_to_whom_the_guide_says(self):
        staff, people = scopes_of_login(is_staff=True), scopes_of_login(is_staff=False)
        of_people, of_staff = grantable_to(is_staff=False), grantable_to(is_staff=True)
        right = {
            scope: [
                "yes" if scope in people else "no",
                "yes" if scope in staff else "no",
                "yes" if scope in of_people else "only of staff" if scope in of_staff else "never",
            ]
            for scope in SCOPES
        }

        assert {row[0].strip("`"): row[2:] for row in rows(SCOPES_GUIDE, "scope")} == right
        assert {scope for scope in SCOPES if right[scope][2] != "never"} == GRANTABLE_SCOPES

    def test_of_every_operation_are_in_the_guide(self):
        right = {shape(str(operation)): scope_in_words(operation) for operation in OPERATIONS}

        assert {name: scope for name, (scope, _) in operations_told().items()} == right

    def test_of_the_guide_are_those_of_the_schema(self):
        asked = {
            shape(str(operation)): operation.schema.get("x-required-scope", "public")
            for operation in OPERATIONS
        }

        assert {name: scope for name, (scope, _) in operations_told().items()} == asked


class TestLimits:
    def test_of_every_operation_are_in_the_guide(self):
        right = {shape(str(operation)): operation.work for operation in OPERATIONS}

        assert {name: work for name, (_, work) in operations_told().items()} == right

    def test_of_the_guide_are_those_of_the_schema(self):
        counted = {
            shape(str(operation)): operation.schema["x-rate-limit"] for operation in OPERATIONS
        }

        assert {name: work for name, (_, work) in operations_told().items()} == counted

    @pytest.mark.django_db
    def test_of_the_default_plan_are_those_it_is_delivered_with(self):
        from apps.developers.models import PlanLimit

        columns = ("burst", "sustained", "daily", "concurrent")
        delivered = {
            row.work: [f"{getattr(row, column):,}" for column in columns]
            for row in PlanLimit.objects.filter(plan__is_default=True)
        }
        told = rows(LIMITS_GUIDE, "class | `burst`")

        assert {row[0].strip("`"): row[1:] for row in told} == delivered

    def test_have_all_classes_of_work(self):
        told = {row[0].strip("`") for row in rows(LIMITS_GUIDE, "class")}

        assert told == set(settings.RATE_LIMITS)


class TestErrors:
    def test_are_explained_by_the_guide_as_by_the_pages(self):
        told = {row[0]: row[1:] for row in rows(ERRORS_GUIDE, "status")}

        assert told == {
            str(status): [advice.means, advice.again, advice.remedy]
            for status, advice in ADVICE.items()
        }


class TestCodes:
    @pytest.mark.parametrize("page", FOR_DEVELOPERS, ids=name_of)
    def test_exist_and_have_the_status_that_is_said(self, page):
        errors = known_errors()
        wrong = [
            f"{status} {code}"
            for status, code in CODE.findall(page.read_text())
            if code not in errors or status_of(errors[code]) != int(status)
        ]

        assert wrong == []


class TestNamedTests:
    @pytest.mark.parametrize("page", SUBSYSTEMS, ids=name_of)
    def test_exist(self, page):
        functions, classes = known_tests()
        text = page.read_text()
        named = TEST.findall(text)
        missing = {name for _, name in named} - functions
        missing |= {name for name, _ in named if name} - classes
        missing |= set(TEST_CLASS.findall(text)) - classes

        assert missing == set()


def leads_somewhere(page, link):
    """Whether a file, and a heading in it, is there; what lies elsewhere is believed."""
    target, _, part = link.partition("#")
    if "://" in target:
        return True
    file = (page.parent / target).resolve() if target else page
    if not file.exists():
        return False
    return not part or part in map(anchor, HEADING.findall(file.read_text()))


class TestLinks:
    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_lead_somewhere(self, page):
        dead = [link for link in LINK.findall(page.read_text()) if not leads_somewhere(page, link)]

        assert dead == []


class TestTutorial:
    def test_program_without_arguments_says_how_to_call_it(self):
        program = ROOT / "docs/tutorials/receiver.py"

        called = subprocess.run(
            [sys.executable, str(program)], capture_output=True, text=True, check=False
        )

        assert called.returncode == 1
        assert 'python3 receiver.py http://127.0.0.1:8000 CLIENT_ID "models:read' in called.stderr
        assert "Traceback" not in called.stderr

    def test_reaches_only_routes_that_exist(self):
        """Each path of its commands, its variables standing for arguments."""
        text = (ROOT / "docs/tutorials/first-app.md").read_text()
        called = {
            re.sub(r"\$\w+", "{}", path) for path in re.findall(rf"\$AGORA{BASE}([\w$/\-]+)", text)
        }
        routes = {shape(operation.route.text) for operation in OPERATIONS}
        named = {"models/purchase-intent"}

        assert called - routes - named == set()
        assert len(called) > 15
