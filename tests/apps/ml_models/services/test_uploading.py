"""Versions come in: one file once, numbers without twins, no more waiting than may."""

import hashlib

import pytest

from apps.ml_models.errors import TooManyUploadsError
from apps.ml_models.models import ModelVersion, VersionTransition
from apps.ml_models.services import registering, uploading, validating
from apps.ml_models.services.cards import edit_card
from apps.ml_models.services.knowledge import Knowledge
from serving.errors import ArtefactError
from tests.factories.ml_models import make_model, principal_of
from tests.factories.parallel import in_parallel


def upload(content=b"PK\x03\x04one", actor=None, **fields):
    return uploading.upload_version(model_name="churn", chunks=[content], actor=actor, **fields)


def files(storage):
    return [path for path in storage.rglob("*") if path.is_file()]


@pytest.mark.django_db
class TestSameFileAgain:
    @pytest.fixture(autouse=True)
    def model(self):
        return make_model("churn")

    def test_is_the_version_that_waits(self, sent_tasks, storage_of_its_own):
        first, second = upload(), upload()

        assert (second.pk, second.number) == (first.pk, 1)
        assert len(sent_tasks) == 1
        assert VersionTransition.objects.count() == 1
        assert len(files(storage_of_its_own)) == 1

    def test_is_the_version_that_is_ready(self, artefacts):
        content = artefacts["linear"].upload
        first = upload(content)
        _make_ready(first, artefacts["linear"])

        assert upload(content).pk == first.pk

    def test_is_a_new_version_after_a_rejection(self):
        first = upload()
        validating._reject(validating._claim(first.pk), ArtefactError("parity", "", "Off."))

        assert upload().number == 2

    @pytest.mark.parametrize(
        "fields",
        [
            {"signature": {"features": [{"name": "a", "kind": "number"}]}},
            {"knowledge": Knowledge(metrics={"auc": 0.9})},
            {"knowledge": Knowledge(run_id="r")},
            {"knowledge": Knowledge(source="s")},
            {"knowledge": Knowledge(training={"seed": 1})},
            {"knowledge": Knowledge(frameworks={"keras": "3"})},
            {"knowledge": Knowledge(training_data_digest="ab" * 32)},
            {"knowledge": Knowledge(parent=1)},
            {"knowledge": Knowledge(description="Another.")},
            {"knowledge": Knowledge(model_card="# Another")},
            {"knowledge": Knowledge(tags={"k": "v"})},
            {"knowledge": Knowledge(reference={"score": {"edges": [], "counts": [1]}})},
        ],
        ids=lambda fields: next(
            (name for name, value in _said(fields).items() if value), "signature"
        ),
    )
    def test_is_a_new_version_with_other_words(self, fields):
        upload()

        assert upload(**fields).number == 2
        assert upload(**fields).number == 2, "and the same again is that one"

    def test_is_the_same_when_only_its_card_was_edited_meanwhile(self):
        upload(knowledge=Knowledge(metrics={"auc": 0.9}))
        edit_card(
            model_name="churn",
            number=1,
            changes={"description": "Edited.", "tags": {"k": "v"}},
            actor=None,
        )

        assert upload(knowledge=Knowledge(metrics={"auc": 0.9})).number == 1

    def test_is_a_new_version_of_another_model(self):
        make_model("other")
        first = upload()

        second = uploading.upload_version(model_name="other", chunks=[b"PK\x03\x04one"])

        assert (second.number, second.upload_digest) == (1, first.upload_digest)
        assert second.pk != first.pk

    def test_makes_a_new_version_when_it_is_asked_for_by_number(self):
        """As MLflow's client has it: each call of create is a version."""
        version = upload()
        blob = uploading.store_upload([b"PK\x03\x04one"])

        again = registering.create_uploaded_version(model_name="churn", blob=blob, actor=None)

        assert (again.number, again.upload_digest) == (2, version.upload_digest)


def _said(fields):
    knowledge = fields.get("knowledge", Knowledge())
    return {name: getattr(knowledge, name) for name in Knowledge.__slots__}


def _make_ready(version, artefact):
    manifest = artefact.manifest
    validating._end(
        validating._claim(version.pk),
        state=ModelVersion.State.READY,
        artefact_digest=manifest.digest,
        manifest=manifest.to_document(),
        signature=manifest.signature.to_document(),
        engine="litert",
        size_bytes=1,
    )


@pytest.mark.django_db
class TestWaiting:
    @pytest.fixture(autouse=True)
    def limit(self, settings):
        settings.VALIDATION_MAX_WAITING = 3
        make_model("churn")

    def test_is_bounded_for_each_user(self, alice, bob, storage_of_its_own):
        for number in range(3):
            upload(b"PK\x03\x04%d" % number, principal_of(bob))

        with pytest.raises(TooManyUploadsError) as caught:
            upload(b"PK\x03\x04more", principal_of(bob))
        assert caught.value.retry_after == uploading.RETRY_AFTER
        assert len(files(storage_of_its_own)) == 3, "nothing was stored of it"

        assert upload(b"PK\x03\x04more", principal_of(alice)).number == 4
        assert upload(b"PK\x03\x04ours").number == 5, "the platform's own are not counted"

    def test_ends_with_the_verdict(self, bob):
        versions = [upload(b"PK\x03\x04%d" % number, principal_of(bob)) for number in range(3)]
        validating._reject(
            validating._claim(versions[0].pk), ArtefactError("parity", "", "Off by 0.7.")
        )

        assert upload(b"PK\x03\x04more", principal_of(bob)).number == 4


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_uploads_get_two_numbers(self):
        make_model("churn")

        versions = in_parallel(lambda n: upload(b"PK\x03\x04%d" % n), count=6)

        assert sorted(version.number for version in versions) == [1, 2, 3, 4, 5, 6]

    def test_two_uploads_of_one_file_are_one_version(self, storage_of_its_own):
        make_model("churn")

        versions = in_parallel(lambda _: upload(), count=4)

        assert {version.number for version in versions} == {1}
        assert ModelVersion.objects.count() == 1
        (stored,) = files(storage_of_its_own)
        assert stored.name == hashlib.sha256(b"PK\x03\x04one").hexdigest()

    def test_no_more_wait_than_may_when_all_come_at_once(self, settings, bob):
        settings.VALIDATION_MAX_WAITING = 2
        for name in ("churn", "a", "b", "c"):
            make_model(name)
        names = ("churn", "a", "b", "c")

        answers = in_parallel(
            lambda n: uploading.upload_version(
                model_name=names[n], chunks=[b"PK\x03\x04one"], actor=principal_of(bob)
            ),
            count=4,
        )

        assert sum(isinstance(answer, TooManyUploadsError) for answer in answers) == 2
        assert ModelVersion.objects.count() == 2
