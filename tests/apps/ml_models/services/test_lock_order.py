"""Uploads hold no lock while they come in, and whoever moves the generation locks no more after."""

import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.ml_models.models import ModelAlias, ModelVersion, RegisteredModel
from apps.ml_models.services import aliasing, deposits, registering, training, uploading
from apps.ml_models.services.uploading import Upload
from tests.factories.ml_models import make_model, make_ready_version, principal_of
from tests.factories.parallel import in_parallel

pytestmark = pytest.mark.django_db(transaction=True)

CONTENT = b"PK\x03\x04one"
PATIENCE = 10.0  # seconds


def register(actor, chunks, name="new"):
    return registering.register_model_with_upload(
        name=name, description="", labels={"k": "v"}, upload=Upload(chunks), actor=actor
    )


def upload(actor, chunks):
    return uploading.upload_version(model_name="churn", chunks=chunks, actor=actor)


def deposit(actor, chunks):
    return deposits.keep_upload(path="m.keras", chunks=chunks, actor=actor, now=timezone.now())


def transactions():
    """Of other sessions of this database: how many are open."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
            " AND backend_type = 'client backend'"
        )
        return cursor.fetchone()[0]


class TestSlowUpload:
    @pytest.mark.parametrize("door", [register, upload, deposit], ids=lambda door: door.__name__)
    def test_keeps_no_promotion_waiting(self, door, bob, artefacts):
        version = make_ready_version(artefacts["linear"])
        begun, go_on = threading.Event(), threading.Event()

        def chunks():
            yield CONTENT
            begun.set()
            go_on.wait(PATIENCE)

        def run(number):
            if number == 0:
                return door(principal_of(bob), chunks())
            try:
                assert begun.wait(PATIENCE)
                seen = transactions()
                aliasing.set_alias(model_name="churn", alias="champion", number=1, actor=None)
                return seen
            finally:
                go_on.set()

        stored, others = in_parallel(run, count=2)

        assert others == 0, "a transaction is open while the file comes in"
        assert ModelAlias.objects.get().version_id == version.pk
        assert not isinstance(stored, Exception), stored

    def test_and_another_of_the_same_user_do_not_kill_each_other(self, bob):
        make_model("churn")
        begun, done = threading.Event(), threading.Event()

        def chunks():
            yield CONTENT
            begun.set()
            done.wait(1.0)  # less than a wait for a lock may take

        def run(number):
            if number == 0:
                return register(principal_of(bob), chunks())
            assert begun.wait(PATIENCE)
            try:
                return upload(principal_of(bob), [CONTENT + b"2"])
            finally:
                done.set()

        answers = in_parallel(run, count=2)

        assert not [answer for answer in answers if isinstance(answer, Exception)]
        assert ModelVersion.objects.count() == 2

    def test_many_of_one_user_at_once_are_all_taken(self, bob):
        make_model("churn")

        def run(number):
            actor = principal_of(bob)
            if number % 2:
                return upload(actor, [CONTENT + b"%d" % number])
            return register(actor, [CONTENT + b"%d" % (number // 4)], f"new-{number}")

        answers = in_parallel(run, count=8)

        assert not [answer for answer in answers if isinstance(answer, Exception)]
        assert ModelVersion.objects.count() == 8


class TestRegisterWithUpload:
    def test_stores_nothing_of_what_is_refused_without_a_look_at_it(self, bob, storage_of_its_own):
        make_model("churn")

        def chunks():
            yield CONTENT
            raise AssertionError("it was read")

        for fields in ({"name": "Churn"}, {"name": "a/b"}, {"labels": {"": "v"}}):
            with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is not its matter
                registering.register_model_with_upload(
                    **{"name": "new", "description": "", "labels": {}, **fields},
                    upload=Upload(chunks()),
                    actor=principal_of(bob),
                )
            assert not isinstance(caught.value, AssertionError)
        assert RegisteredModel.objects.count() == 1

    def test_leaves_no_model_without_its_version(self, bob, settings):
        settings.VALIDATION_MAX_WAITING = 0

        with pytest.raises(uploading.TooManyUploadsError):
            register(principal_of(bob), [CONTENT])
        assert not RegisteredModel.objects.exists()


def from_deposit(actor):
    deposit(actor, [CONTENT])
    return deposits.create_version_from(
        model_name="churn",
        source="mlflow-artifacts:/m.keras",
        knowledge=uploading.NOTHING,
        actor=actor,
    )


class TestGeneration:
    @pytest.mark.parametrize(
        "door",
        [
            lambda actor: register(actor, [CONTENT]),
            lambda actor: upload(actor, [CONTENT]),
            from_deposit,
        ],
        ids=["register", "upload", "from_deposit"],
    )
    def test_moves_when_all_other_locks_are_held(self, door, bob):
        make_model("churn")

        with CaptureQueriesContext(
            connection,
        ) as captured:
            door(principal_of(bob))

        statements = [query["sql"] for query in captured]
        (moved,) = [at for at, sql in enumerate(statements) if "routing.generation + 1" in sql]
        locking = [at for at, sql in enumerate(statements) if _locks(sql)]
        assert locking
        assert max(locking) < moved

    def test_a_first_default_is_locked_before_its_model(self, artefacts):
        version = make_ready_version(artefacts["linear"])

        with CaptureQueriesContext(connection) as captured:
            training._promote(version, None)

        first = next(query["sql"] for query in captured if _locks(query["sql"]))
        assert "default_model" in first
        assert RegisteredModel.objects.get().is_default


def _locks(sql):
    return "pg_advisory_xact_lock" in sql or "FOR NO KEY UPDATE" in sql or "FOR UPDATE" in sql
