"""What each role gets to read is a file under test: shown.json, the members of every GET.

`UPDATE_SHOWN=1 make test T="tests/contracts/test_shown_members.py"` renews it. Beside it, no answer
has a member that is named like a secret, or a value that is one.
"""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

from tests.contracts.calling import perform, undone
from tests.contracts.objects import stage
from tests.contracts.routes import OPERATIONS

FILE = Path(__file__).parent / "shown.json"
RENEWAL = 'UPDATE_SHOWN=1 make test T="tests/contracts/test_shown_members.py" renews shown.json'
READS = [operation for operation in OPERATIONS if operation.method == "GET"]
NAMES = [str(operation) for operation in READS]

SECRET_NAME = re.compile(
    r"(^|_)(password|passwd|secret|token|digest|hash|pepper|salt|private|access|refresh|key)$"
)
# Named like a secret, and none: the SHA-256 of files that whoever may predict may know.
NO_SECRETS = {"artefact_digest", "upload_digest"}
# Columns that hold secrets, or what a secret can be checked against.
SECRET_COLUMN = re.compile(r"password|secret|digest|token|fingerprint|session_key|checksum")
PUBLIC_COLUMNS = {"artefact_digest", "upload_digest", "token_family", "token_type"}

EMPTY_LIST = """
These show nothing to the owner, so nobody knows what they would show: add what they list to
CONTENTS in tests/contracts/objects.py.
"""


def body_of(response):
    """What was read, as documents: one, or one a line."""
    content = b"".join(response) if response.streaming else response.content
    if response["Content-Type"] == "application/x-ndjson":
        return [json.loads(line) for line in content.splitlines()]
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


def shown(operation, cast, actors):
    """By what is shown, to whom; and all documents."""
    arguments, found, documents = stage(cast, operation.route), {}, []
    for actor in actors:
        with undone():
            response = perform(actor.token, operation, arguments)
            if response.status_code == 200:
                documents.append(body_of(response))
                found.setdefault(tuple(sorted({*members(documents[-1])})), []).append(actor.name)
    return found, documents


def entries(found):
    return [{"to": sorted(to), "members": list(names)} for names, to in sorted(found.items())]


def last_name(place):
    return place.rpartition(".")[2].removesuffix("[]")


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
def seen(churn, cast):
    """By GET: what is shown to whom, all documents, and the secrets that were there meanwhile."""
    actors, found = [*cast.good(), cast.nobody()], {}
    for operation in READS:
        with undone():
            members_of, documents = shown(operation, cast, actors)
            secrets = secrets_of_database() | secrets_of_settings() | cast.tokens
            found[str(operation)] = members_of, documents, secrets
    return found


class TestShown:
    def test_is_what_the_file_says_and_no_secret(self, seen):
        table = {
            name: [
                {"to": sorted(to), "members": list(shown)} for shown, to in sorted(found.items())
            ]
            for name, (found, _, _) in seen.items()
        }
        if os.environ.get("UPDATE_SHOWN"):
            FILE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")

        assert self.empty(seen) == [], EMPTY_LIST
        assert self.secret_names(seen) == {}
        assert self.secret_values(seen) == {}
        known = json.loads(FILE.read_text()) if FILE.exists() else {}
        assert {name: entry for name, entry in table.items() if entry != known.get(name)} == {
            name: entry for name, entry in known.items() if entry != table.get(name)
        }, RENEWAL

    @staticmethod
    def empty(seen):
        """The owner, who comes first, is to see something everywhere."""
        return [name for name, (_, documents, _) in seen.items() if not has_content(documents[0])]

    @staticmethod
    def secret_names(seen):
        names = {
            (operation, place)
            for operation, (found, _, _) in seen.items()
            for places in found
            for place in places
        }
        return {
            operation: place
            for operation, place in names
            if SECRET_NAME.search(last_name(place)) and last_name(place) not in NO_SECRETS
        }

    @staticmethod
    def secret_values(seen):
        found = {}
        for operation, (_, documents, secrets) in seen.items():
            text = json.dumps(documents)
            assert len(secrets) > 20  # people, keys and tokens are there
            leaked = {secret for secret in secrets if secret in text}
            found |= {operation: leaked} if leaked else {}
        return found
