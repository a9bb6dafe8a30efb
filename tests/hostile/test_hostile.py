"""Every hostile artefact through the whole pipeline: refused for the right reason, harmlessly."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from serving.artefact import FileRole
from serving.errors import ArtefactError
from serving.loaders.litert import LiteRTServable
from serving.reasons import explained
from serving.validation import ValidationLimits, validate_artefact
from tests.hostile import archives, configs, reaching, weight_files
from tests.hostile.recipe import HOSTILE, MEBIBYTE
from tests.hostile.watching import descendants, resident_bytes

KINDS = (reaching, archives, configs, weight_files)  # importing them makes the list
LIMITS = ValidationLimits(wall_seconds=120, upload_bytes=64 * MEBIBYTE)
BOMBS = (
    "bomb", "four_gibibytes_declared", "five_gibibytes_declared", "three_gibibytes_of_nothing",
    "declares_less_than_it_unpacks_to", "two_hundred_thousand_levels", "a_trillion_units",
    "talkative_metadata", "petabytes", "a_billion_laughs",
)  # fmt: skip


def listed():
    for name, artefact in HOSTILE.items():
        if artefact.reasons:
            marks = [pytest.mark.tensorflow] if artefact.loads_keras else []
            yield pytest.param(name, marks=marks)


def refused(upload):
    with pytest.raises(ArtefactError) as caught:
        validate_artefact(upload, None, LIMITS)
    return caught.value


class TestList:
    def test_is_long_and_says_what_each_would_do(self):
        assert len(HOSTILE) >= 180
        assert all(explained(reason) for each in HOSTILE.values() for reason in each.reasons)
        assert all(each.would[0].islower() and each.would[-1] != "." for each in HOSTILE.values())


class TestHostile:
    @pytest.mark.parametrize("name", [*listed()])
    def test_is_refused_with_its_reason_and_touches_nothing(self, watch, name):
        artefact = HOSTILE[name]
        error = refused(artefact.make(watch.lures))
        assert error.reason_code in artefact.reasons
        told = f"{error.pointer} {error.detail}"
        assert str(watch.lures.secret.parent) not in told
        assert sys.prefix not in told
        assert len(told) < 1_200
        assert watch.touched() == []

    @pytest.mark.tensorflow
    def test_training_of_a_nested_model_is_left_out(self, watch):
        hostile = HOSTILE["lambda_in_the_training_of_a_nested_model"].make(watch.lures)
        result = validate_artefact(hostile, None, LIMITS)
        assert b"__lambda__" not in b"".join(result.files.values())
        rows = {"inputs": np.eye(3, dtype=np.float32)}
        (answers,) = LiteRTServable(result.files[FileRole.LITERT]).predict(rows).values()
        assert answers.tolist() == [[1.5, 1.5], [3.5, 3.5], [5.5, 5.5]]

    def test_bombs_leave_the_parent_as_small_as_it_was(self, watch):
        uploads = [HOSTILE[name].make(watch.lures) for name in BOMBS]
        refused(uploads[0])
        before = resident_bytes()
        for upload in uploads:
            refused(upload)
        assert resident_bytes() - before < 16 * MEBIBYTE

    @pytest.mark.tensorflow
    def test_a_good_model_right_after_hostile_ones_is_accepted(self, watch, ordinary):
        for name in ("three_gibibytes_of_nothing", "a_logarithm_of_nothing", "set_floatx"):
            refused(HOSTILE[name].make(watch.lures))
        result = validate_artefact(ordinary["mlp"].upload, None, LIMITS)
        assert FileRole.LITERT in result.files


class TestWatch:
    """The alarm itself: whatever an artefact could do, it is seen."""

    @pytest.mark.parametrize(
        ("reach", "seen"),
        [
            (lambda lures: lures.secret.read_bytes(), "the secret or its folder was opened"),
            (lambda lures: lures.forbidden.touch(), "the forbidden path exists"),
            (
                lambda lures: socket.create_connection(("127.0.0.1", lures.port)).close(),
                "the socket was called",
            ),
        ],
        ids=["a file that is read", "a path that is made", "a socket that is called"],
    )
    def test_sees_it(self, watch, reach, seen):
        reach(watch.lures)
        assert seen in watch.touched()
        watch.lures.forbidden.unlink(missing_ok=True)
        watch.touched()

    def test_sees_a_process_that_left_its_session(self, watch):
        subprocess.run(["/bin/sh", "-c", "setsid sleep 60 >/dev/null 2>&1 &"], check=True)
        left = [pid for pid, name in descendants() if name in {"sleep", "setsid", "sh"}]
        assert [text for text in watch.touched() if text.startswith("processes are left")]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
