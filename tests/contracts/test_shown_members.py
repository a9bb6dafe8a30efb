"""What each role gets to read is a file under test: shown.json, the members of every GET.

`UPDATE_SHOWN=1 make test T="tests/contracts/test_shown_members.py"` renews it. Beside it, no answer
has a member that is named like a secret, or a value that is one.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.conf import settings

from core.security.scopes import STAFF_ONLY_SCOPES
from tests.contracts.calling import perform, undone
from tests.contracts.objects import stage
from tests.contracts.routes import OPERATIONS, route_named

if TYPE_CHECKING:
    from tests.contracts.cast import Actor

FILE = Path(__file__).parent / "shown.json"
RENEWAL = 'UPDATE_SHOWN=1 make test T="tests/contracts/test_shown_members.py" renews shown.json'
READS = [operation for operation in OPERATIONS if operation.method == "GET"]
NAMES = [str(operation) for operation in READS]

SECRET_NAME = re.compile(
    r"(^|_)(password|passwd|secret|token|digest|hash|pepper|salt|private|access|refresh|key)$"
)
# Named like a secret, and none: the SHA-256 of files that whoever may predict may know.
NO_SECRETS = {"artefact_digest", "training_data_digest", "upload_digest"}
# Columns that hold secrets, or what a secret can be checked against.
SECRET_COLUMN = re.compile(r"password|secret|digest|token|fingerprint|session_key|checksum")
PUBLIC_COLUMNS = {*NO_SECRETS, "token_family", "token_type"}

EMPTY_LIST = """
These show nothing to the owner, so nobody knows what they would show: add what they list to
CONTENTS in tests/contracts/objects.py.
"""


# Reads whose scope staff alone have.
FOR_STAFF = {str(operation) for operation in READS if operation.scope in STAFF_ONLY_SCOPES}
MANAGED = {"GET orders": "orders:manage"}  # a scope that shows everybody's


def body_of(response):
    """What was read, as documents: one, or one a line."""
    content = b"".join(response) if response.streaming else response.content
    if response["Content-Type"] == "application/x-ndjson":
        return [json.loads(line) for line in content.splitlines()]
    if response["Content-Type"].startswith("text/csv"):
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    if response["Content-Type"].startswith("image/"):
        return content.decode("latin-1")  # no members, but something to look for secrets in
    return json.loads(content)


def members(document, place=""):
    """Every member's place in a document, e.g. "results[].id"."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield f"{place}.{name}".lstrip(".")
            yield from members(value, f"{place}.{name}".lstrip("."))
    elif isinstance(document, list):
        for value in document:
            yield from members(value, f"{place}[]")


@dataclass
class Reading:
    """One GET, by everybody: who got what, and the secrets that were there meanwhile."""

    answers: list[tuple[Actor, Any]]
    secrets: set[str]

    @property
    def members(self):
        """By the members that are shown, to whom."""
        found = {}
        for actor, document in self.answers:
            found.setdefault(tuple(sorted({*members(document)})), []).append(actor.name)
        return found


def read(operation, cast, actors):
    """A GET by each actor who is let in; the objects are there until the caller undoes them."""
    arguments, answers = stage(cast, operation.route), []
    for actor in actors:
        response = perform(actor.token, operation, arguments)
        if response.status_code == 200:
            answers.append((actor, body_of(response)))
    return Reading(answers, secrets_of_database() | secrets_of_settings() | cast.tokens)


def entries(reading):
    """As the file has it."""
    listed = sorted(reading.members.items())
    return [{"to": sorted(to), "members": list(names)} for names, to in listed]


def owners_ids(cast, actor):
    """Of the owner and their applications, the ids that an actor has no business to see."""
    hidden = set() if actor.user == cast.owner else {cast.owner.pk, cast.other.pk, cast.maker.pk}
    if actor.application not in (None, cast.maker):
        hidden.add(cast.maker.pk)
    return {str(pk) for pk in hidden}


def last_name(place):
    return place.rpartition(".")[2].removesuffix("[]")


def is_secret_name(name):
    return name not in NO_SECRETS and SECRET_NAME.search(name) is not None


def has_content(document):
    return bool(document.get("results", True) if isinstance(document, dict) else document)


def secrets_of_database():
    """The values of every column that holds a secret, in the spellings in which they could leak."""
    found = set()
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if SECRET_COLUMN.search(field.name) and field.name not in PUBLIC_COLUMNS:
                values = model._base_manager.values_list(field.name, flat=True)
                found |= {text for value in values for text in spellings(value)}
    return found


def spellings(value):
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
        return {raw.hex(), *(text.rstrip("=") for text in encoded)}
    return {value} if isinstance(value, str) and len(value) > 15 else set()


def secrets_of_settings():
    keys = (*settings.JWT_SIGNING_KEYS, *settings.CURSOR_KEYS, *settings.PEPPERS)
    return {settings.SECRET_KEY, *keys}


@pytest.fixture
def readings(churn, cast):
    """By GET, what came of it."""
    actors, found = [*cast.good(), cast.nobody()], {}
    for operation in READS:
        with undone():
            found[str(operation)] = read(operation, cast, actors)
    return found


class TestShown:
    def test_members_are_what_the_file_says(self, readings):
        table = {name: entries(reading) for name, reading in readings.items()}
        if os.environ.get("UPDATE_SHOWN"):
            FILE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
        known = json.loads(FILE.read_text()) if FILE.exists() else {}

        assert self.that_show_the_owner_nothing(readings) == [], EMPTY_LIST
        assert {name: entry for name, entry in table.items() if entry != known.get(name)} == {
            name: entry for name, entry in known.items() if entry != table.get(name)
        }, RENEWAL

    @staticmethod
    def that_show_the_owner_nothing(readings):
        firsts = {name: reading.answers[0] for name, reading in readings.items()}
        assert {name for name, (actor, _) in firsts.items() if actor.name != "owner"} == FOR_STAFF
        return [name for name, (_, document) in firsts.items() if not has_content(document)]

    def test_members_and_values_are_no_secrets(self, readings):
        named, leaked = set(), set()
        for name, reading in readings.items():
            places = {place for shown in reading.members for place in shown}
            named |= {(name, place) for place in places if is_secret_name(last_name(place))}
            text = json.dumps([document for _, document in reading.answers])
            leaked |= {(name, secret) for secret in reading.secrets if secret in text}
            assert len(reading.secrets) > 20  # people, keys and tokens are there

        assert (named, leaked) == (set(), set())

    def test_lists_hold_nothing_of_somebody_else(self, readings, cast):
        foreign = {
            (name, actor.name)
            for name, reading in readings.items()
            if not route_named(name.removeprefix("GET ")).converters
            for actor, document in reading.answers
            if MANAGED.get(name) not in actor.scopes
            for pk in owners_ids(cast, actor)
            if pk in json.dumps(document)
        }

        assert foreign == set()
