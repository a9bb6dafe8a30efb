"""From an uploaded file to a version that is ready, or rejected with the reason."""

import errno
import os
import shlex
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.ml_models import runtime
from apps.ml_models.models import ModelVersion
from apps.ml_models.services import predicting, registering, states, validating
from apps.ml_models.services.knowledge import Knowledge
from apps.ml_models.services.training import register_trained_version
from core.models import OutboxEvent
from serving.errors import ArtefactError
from serving.reasons import ReasonCode
from serving.sandbox.landlock import CREATE_RULESET
from serving.validation import validate_artefact
from tests.factories.ml_models import ANSWERS, ROW, make_model, make_version, promote

pytestmark = pytest.mark.django_db


def upload(content, **fields):
    make_model("churn")
    return registering.upload_version(model_name="churn", chunks=[content], **fields)


def events():
    rows = OutboxEvent.objects.filter(kind="event", object_type="model_version")
    return list(rows.order_by("position").values_list("type", "payload__reason_code"))


def moves(version):
    rows = version.transitions.order_by("id")
    return list(rows.values_list("from_state", "to_state", "reason_code", "sha256"))


def let_the_lease_run_out(version):
    ModelVersion.objects.filter(pk=version.pk).update(
        validation_lease_until=Now() - timedelta(seconds=1)
    )


# In transactions of their own: the test's would sit idle for longer than the database allows.
@pytest.mark.django_db(transaction=True)
@pytest.mark.tensorflow
class TestValidate:
    def test_makes_an_upload_ready_to_be_promoted_and_served(self, artefacts, storage_of_its_own):
        version = upload(artefacts["linear"].upload, signature=artefacts["linear"].signature)

        ready = validating.validate_version(version_id=version.pk)

        assert (ready.state, ready.engine, ready.reason_code) == ("ready", "litert", "")
        assert ready.artefact_digest == artefacts["linear"].manifest.digest
        assert ready.validated_at is not None
        assert set(ready.manifest["files"]) == {"keras", "litert", "golden"}
        for entry in ready.manifest["files"].values():
            digest = entry["sha256"]
            stored = storage_of_its_own / f"models/sha256/{digest[:2]}/{digest}"
            assert stored.stat().st_size == entry["bytes"]
        assert ready.size_bytes == sum(e["bytes"] for e in ready.manifest["files"].values())
        assert ready.validation_report["sandbox"]["rlimits"] is True
        assert events() == [("model_version.ready", None)]

        promote(ready, default=True)
        runtime.refresh()
        assert predicting.predict(features=ROW).result.to_lists() == [[ANSWERS["linear"]]]

    def test_rejects_an_archive_that_is_none_and_says_why(self):
        version = upload(b"PK\x03\x04" + b"\x00" * 100)

        rejected = validating.validate_version(version_id=version.pk)

        assert rejected.state == "rejected"
        assert rejected.reason_code
        assert rejected.reason_detail
        assert (rejected.artefact_digest, rejected.manifest) == ("", None)
        assert events() == [("model_version.rejected", rejected.reason_code)]
        assert validating.validate_version(version_id=version.pk) is None, "for good"

    def test_rejects_a_signature_that_does_not_fit_the_model(self, artefacts):
        signature = artefacts["linear"].signature
        signature["features"] = signature["features"][:2]

        version = upload(artefacts["linear"].upload, signature=signature)

        assert validating.validate_version(version_id=version.pk).state == "rejected"

    def test_is_the_same_for_a_model_trained_here(self, artefacts):
        version = register_trained_version(
            model_name="fresh",
            description="Made here.",
            artefact=artefacts["steeper"].upload,
            signature=artefacts["steeper"].signature,
            knowledge=Knowledge(metrics={"auc": 0.8}),
            promote=True,
        )

        version.refresh_from_db()
        assert (version.state, version.metrics) == ("ready", {"auc": 0.8})
        assert version.artefact_digest == artefacts["steeper"].manifest.digest
        assert version.model.is_default
        runtime.refresh()
        assert predicting.predict(features=ROW).result.to_lists() == [[ANSWERS["steeper"]]]


class TestMoves:
    def test_each_is_written_down_with_the_bytes_it_was_about(self, artefacts):
        version = upload(artefacts["linear"].upload)
        manifest = artefacts["linear"].manifest

        validating._end(
            validating._claim(version.pk),
            state=ModelVersion.State.READY,
            artefact_digest=manifest.digest,
            manifest=manifest.to_document(),
            signature=manifest.signature.to_document(),
            engine="litert",
        )

        assert moves(version) == [
            ("", "uploaded", "", version.upload_digest),
            ("uploaded", "validating", "", version.upload_digest),
            ("validating", "ready", "", manifest.digest),
        ]

    def test_a_rejection_has_its_code(self, artefacts):
        version = upload(artefacts["linear"].upload)

        validating._reject(validating._claim(version.pk), ArtefactError("parity", "", "Off."))

        assert moves(version)[-1] == ("validating", "rejected", "parity", version.upload_digest)

    def test_a_move_that_is_undone_leaves_no_trace(self, artefacts):
        version = upload(artefacts["linear"].upload)

        with pytest.raises(IntegrityError), transaction.atomic():
            states.move_state(version, "ready", actor=None)

        assert moves(version) == [("", "uploaded", "", version.upload_digest)]


class TestSandboxUnavailable:
    """The platform's fault is nobody's rejection: the upload waits for a machine that may."""

    @pytest.fixture(autouse=True)
    def kernel_without_landlock(self, monkeypatch, tmp_path):
        program = Path(__file__).parents[3] / "serving/lacking.py"
        run = shlex.join([sys.executable, str(program), str(CREATE_RULESET), sys.executable])
        path = tmp_path / "python-without-landlock"
        path.write_text(f'#!/bin/sh\nexec {run} "$@"\n')
        path.chmod(0o755)
        monkeypatch.setitem(validate_artefact.__kwdefaults__, "python", str(path))

    def test_gives_the_version_back_and_counts_no_attempt(self, artefacts, caplog, sent_tasks):
        version = upload(artefacts["linear"].upload)

        assert validating.validate_version(version_id=version.pk) is None

        version.refresh_from_db()
        assert (version.state, version.validation_attempts) == ("uploaded", 0)
        assert [move[:3] for move in moves(version)] == [
            ("", "uploaded", ""),
            ("uploaded", "validating", ""),
            ("validating", "uploaded", "sandbox_incomplete"),
        ]
        assert "landlock" in caplog.text
        assert events() == []

    def test_offers_it_again_after_a_while_for_as_long_as_it_takes(self, artefacts, sent_tasks):
        version = upload(artefacts["linear"].upload)
        for _ in range(validating.MAX_ATTEMPTS + 1):
            validating.validate_version(version_id=version.pk)
            assert validating.validate_version(version_id=version.pk) is None, "not so soon"
            ModelVersion.objects.update(created_at=Now() - timedelta(minutes=1))
            offered = len(sent_tasks)
            validating.reap_validations()
            assert len(sent_tasks) == offered, "not so soon either"

            let_the_lease_run_out(version)
            validating.reap_validations()
            assert len(sent_tasks) == offered + 1

        version.refresh_from_db()
        assert (version.state, version.validation_attempts) == ("uploaded", 0)


def interrupting(error):
    """Raise an error wherever this process is in a moment, as billiard does with its soft limit."""

    def interrupt(*_signal):
        raise error

    signal.signal(signal.SIGUSR1, interrupt)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1)).start()


class TestFaultOfTheWorker:
    """No room, no memory, no time in the validating process: bounded, and never worker_lost."""

    @pytest.fixture(autouse=True)
    def children_that_sleep(self, monkeypatch, tmp_path):
        path = tmp_path / "python-that-sleeps"
        path.write_text("#!/bin/sh\nexec sleep 60\n")
        path.chmod(0o755)
        monkeypatch.setitem(validate_artefact.__kwdefaults__, "python", str(path))
        before = signal.getsignal(signal.SIGUSR1)
        yield
        signal.signal(signal.SIGUSR1, before)

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (SoftTimeLimitExceeded(), "load_timeout"),
            (MemoryError(), "memory_limit"),
            (OSError(errno.ENOSPC, "No space left on device"), "sandbox_failed"),
        ],
        ids=["time", "memory", "disk"],
    )
    def test_is_tried_again_later_and_rejected_in_the_end(self, error, code):
        version = upload(b"PK\x03\x04 nobody opens it")
        for attempt in range(1, validating.MAX_ATTEMPTS):
            interrupting(error)
            assert validating.validate_version(version_id=version.pk) is None
            assert validating.validate_version(version_id=version.pk) is None, "not so soon"
            version.refresh_from_db()
            assert (version.state, version.validation_attempts) == ("uploaded", attempt)
            assert moves(version)[-1][:3] == ("validating", "uploaded", code)
            let_the_lease_run_out(version)

        interrupting(error)
        ended = validating.validate_version(version_id=version.pk)

        assert (ended.state, ended.reason_code) == ("rejected", code)
        assert ended.reason_detail == ReasonCode(code).explanation
        assert ended.validation_lease_until is None

    def test_a_machine_without_room_for_files_leaves_it_to_others(self, monkeypatch, tmp_path):
        version = upload(b"PK\x03\x04 nobody opens it")
        with monkeypatch.context() as full:
            full.setattr("tempfile.tempdir", str(tmp_path / "not there"))
            assert validating.validate_version(version_id=version.pk) is None
        version.refresh_from_db()
        assert (version.state, version.validation_attempts) == ("uploaded", 1)


class TestLease:
    def test_is_for_one_worker_at_a_time(self, artefacts):
        version = upload(artefacts["linear"].upload)
        validating._claim(version.pk)

        assert validating.validate_version(version_id=version.pk) is None

    def test_a_worker_that_lost_it_changes_nothing(self, artefacts):
        version = upload(artefacts["linear"].upload)
        slow = validating._claim(version.pk)
        let_the_lease_run_out(version)
        assert validating._claim(version.pk) is not None

        after = validating._end(slow, state=ModelVersion.State.REJECTED, reason_code="late")

        assert (after.state, after.reason_code) == ("validating", "")

    def test_a_missing_upload_is_a_reason(self, artefacts, storage_of_its_own):
        version = upload(artefacts["linear"].upload)
        digest = version.upload_digest
        (storage_of_its_own / f"quarantine/{digest[:2]}/{digest}").unlink()

        rejected = validating.validate_version(version_id=version.pk)

        assert (rejected.state, rejected.reason_code) == ("rejected", "upload_missing")

    def test_an_upload_that_was_changed_is_a_reason(self, artefacts, storage_of_its_own):
        version = upload(artefacts["linear"].upload)
        digest = version.upload_digest
        (storage_of_its_own / f"quarantine/{digest[:2]}/{digest}").write_bytes(b"PK\x03\x04")

        rejected = validating.validate_version(version_id=version.pk)

        assert rejected.reason_code == "digest_mismatch"


class TestReap:
    def test_offers_again_what_nobody_validates(self, sent_tasks):
        make_version("churn")
        assert validating.reap_validations() is None
        assert sent_tasks == [], "not so soon"

        ModelVersion.objects.update(created_at=Now() - timedelta(minutes=1))
        validating.reap_validations()

        assert [name for name, _ in sent_tasks] == ["ml_models.validate_model_version"]

    def test_offers_again_what_a_dead_worker_had(self, sent_tasks, artefacts):
        version = upload(artefacts["linear"].upload)
        validating._claim(version.pk)
        validating.reap_validations()
        assert len(sent_tasks) == 1, "its lease is alive"

        let_the_lease_run_out(version)
        validating.reap_validations()

        assert len(sent_tasks) == 2

    def test_rejects_what_killed_every_worker(self):
        version = make_version(
            "churn",
            state="validating",
            validation_token=uuid4(),
            validation_attempts=validating.MAX_ATTEMPTS,
        )
        let_the_lease_run_out(version)

        validating.reap_validations()

        version.refresh_from_db()
        assert (version.state, version.reason_code) == ("rejected", "worker_lost")
