"""A good file with some bytes changed: refused for a listed reason, or the same model still.

ARTEFACT_FUZZ_SEEDS says how many files are tried (make fuzz-artefacts: 1,000). Most are refused
in milliseconds; the few that reach Keras cost seconds each.
"""

from __future__ import annotations

import collections
import io
import json
import os
import random
import re
import zipfile

import h5py
import numpy as np
import pytest

from serving.artefact import FileRole
from serving.errors import ArtefactError
from serving.loaders.litert import LiteRTServable
from serving.reasons import explained
from serving.validation import ValidationLimits, validate_artefact
from tests.hostile.archives import Zip
from tests.hostile.recipe import (
    CONFIG,
    GOOD,
    MEBIBYTE,
    METADATA,
    WEIGHTS,
    archive,
    metadata,
    plain_weights,
)

SEEDS = int(os.environ.get("ARTEFACT_FUZZ_SEEDS", "20"))
LIMITS = ValidationLimits(wall_seconds=120, upload_bytes=4 * MEBIBYTE)
ROWS = np.array([[1, 0, 0], [0, 1, 0], [0.5, -2, 3]], np.float32)
PARTS = ("anywhere", "config", "weights")


def flipped(data, generator):
    """One to eight bytes replaced."""
    changed = bytearray(data)
    for _ in range(generator.randint(1, 8)):
        changed[generator.randrange(len(changed))] = generator.randrange(256)
    return bytes(changed)


def respelled(config, generator):
    """One number or letter replaced by another, so that it is JSON still."""
    places = [match.start() for match in re.finditer(rb"[0-9a-z]", config)]
    changed = bytearray(config)
    place = generator.choice(places)
    among = b"0123456789" if chr(changed[place]).isdigit() else b"abcdefghijklmnopqrstuvwxyz"
    changed[place] = generator.choice(among)
    return bytes(changed)


def fuzzed(seed):
    """A file with a change in one of its parts; a member's checksum is made to fit again.

    Otherwise the archive's checksum would catch every change, and nothing behind it would ever
    be tried.
    """
    generator = random.Random(seed)  # noqa: S311 - no secret
    part = PARTS[seed % len(PARTS)]
    if part == "anywhere":
        return flipped(archive(), generator)
    config, weights = json.dumps(GOOD).encode(), plain_weights()
    if part == "config":
        config = respelled(config, generator)
    else:
        weights = flipped(weights, generator)
    made = Zip()
    for name, content in ((METADATA, metadata().encode()), (CONFIG, config), (WEIGHTS, weights)):
        made.add(name, content)
    return made.close()


def expected(upload):
    """What this very file should answer: its kernel and bias, read from the file by hand."""
    arrays = read_plainly(upload)
    return ROWS @ arrays["kernel"] + arrays["bias"]


def read_plainly(upload):
    with zipfile.ZipFile(io.BytesIO(upload)) as file:
        weights = file.read(WEIGHTS)
    with h5py.File(io.BytesIO(weights), "r") as file:
        variables = file["layers/dense/vars"]
        return {"kernel": variables["0"][()], "bias": variables["1"][()]}


def answers_of(result):
    (tensor,) = result.manifest.signature.inputs  # its name may be what was changed
    servable = LiteRTServable(result.files[FileRole.LITERT])
    (answers,) = servable.predict({tensor.name: ROWS}).values()
    return answers


def verdict(upload):
    try:
        return "", validate_artefact(upload, None, LIMITS)
    except ArtefactError as error:
        return error.reason_code, None


@pytest.mark.tensorflow
@pytest.mark.timeout(7_200)  # seconds, for a thousand seeds
class TestFlippedBytes:
    def test_are_refused_for_a_listed_reason_or_change_nothing_else(self, watch):
        """A flip inside the numbers is another model, and answers as its own numbers say."""
        refused, accepted = collections.Counter(), 0
        for seed in range(SEEDS):
            upload = fuzzed(seed)
            reason, result = verdict(upload)
            if result is None:
                refused[reason] += 1
            else:
                accepted += 1
                np.testing.assert_allclose(
                    answers_of(result), expected(upload), rtol=1e-5, atol=1e-6, err_msg=str(seed)
                )
            assert watch.touched() == [], seed
        print(f"{SEEDS} files: {accepted} accepted, refused {dict(refused)}")  # noqa: T201 - for -s
        assert [reason for reason in refused if not explained(reason)] == []
        assert accepted + refused.total() == SEEDS
        assert len(refused) > 3
