"""What the document calls its schemas: the classes of a generated client have the same names."""

from __future__ import annotations

import re
from typing import Final

from django.conf import settings
from drf_spectacular.plumbing import get_lib_doc_excludes

from core.api.serializers import InputSerializer, OutputSerializer

# By what a name ends in, and begins with: PatchedKeyPatchInRequest is what a change of a key sends.
PATCHED: Final = re.compile(r"Patched(?P<stem>\w+?)(?:Patch)?InRequest")
SENT: Final = re.compile(r"(?P<stem>\w+)InRequest")
ANSWERED: Final = re.compile(r"(?P<stem>\w+)Out")
ENDINGS: Final = ((PATCHED, "Patch"), (SENT, "Input"), (ANSWERED, ""))


def readable(name: str) -> str:
    """The name of a schema, from drf-spectacular's for a serializer.

    `KeyOut` is ApiKey, `KeyIn` ApiKeyInput, `KeyPatchIn` ApiKeyPatch: the part in front is what
    settings.SCHEMA_NAMES says, where it says something. Others pass through unchanged.
    """
    for pattern, ending in ENDINGS:
        match = pattern.fullmatch(name)
        if match is not None:
            stem = match["stem"]
            return settings.SCHEMA_NAMES.get(stem, stem) + ending
    return name


def without_own_words() -> list[type]:
    """For drf-spectacular: classes whose docstring is not about the schema of what inherits it."""
    return [*get_lib_doc_excludes(), InputSerializer, OutputSerializer]
