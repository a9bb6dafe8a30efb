"""The Idempotency-Key header over a view; docs/subsystems/idempotency.md has the cases."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.models import AuditEntry, IdempotencyKey
from tests.core.api.callers import BOB, SHOP

pytestmark = pytest.mark.django_db

URL = "/api/v1/jobs"


def send(client, key="k1", method="post", **body):
    headers = {} if key is None else {"idempotency-key": key}
    return getattr(client, method)(URL, body, content_type="application/json", headers=headers)


def effects():
    return AuditEntry.objects.filter(action="job").count()


class TestKey:
    def test_missing_where_required_is_400(self, caller, assert_problem):
        response = send(caller(), key=None)

        assert_problem(response, 400, "idempotency_key_missing", at=("Idempotency-Key", "required"))
        assert effects() == 0

    def test_missing_where_accepted_is_fine(self, caller):
        assert send(caller(), key=None, method="patch").status_code == 201

    @pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\tb", "é", '"', '""'])
    def test_malformed_is_400(self, caller, assert_problem, key):
        assert_problem(send(caller(), key=key), 400, "idempotency_key_invalid")
        assert effects() == 0

    def test_is_asked_after_the_credential(self, anyone, assert_problem):
        assert_problem(send(anyone, key=None), 401, "not_authenticated")


class TestReplay:
    def test_has_one_effect_and_the_same_answer(self, caller):
        client = caller()

        first, second = send(client, job="a"), send(client, job="a")

        assert effects() == 1
        assert (second.status_code, second.content) == (201, first.content)
        assert second["Location"] == first["Location"]
        assert second["Content-Type"] == "application/json"
        assert ("Idempotency-Replayed" in first, second["Idempotency-Replayed"]) == (False, "true")

    def test_has_a_request_id_and_limits_of_its_own(self, caller, settings):
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, "default": [("many", 100, 3_600)]}
        client = caller()

        first, second = send(client), send(client)

        assert first["X-Request-Id"] != second["X-Request-Id"]
        assert first["RateLimit"] != second["RateLimit"]

    def test_with_another_body_is_422(self, caller, assert_problem):
        client = caller()
        send(client, job="a")

        assert_problem(send(client, job="b"), 422, "idempotency_key_reused")
        assert effects() == 1

    def test_of_somebody_else_or_another_application_is_a_call_of_its_own(self, caller):
        for client in (caller(), caller(user_id=BOB), caller(application_id=SHOP)):
            assert "Idempotency-Replayed" not in send(client, job="a")

        assert effects() == 3

    def test_of_a_conflict_repeats_the_conflict(self, caller, assert_problem):
        client = caller()

        first, second = send(client, outcome="conflict"), send(client, outcome="conflict")

        assert_problem(first, 409, "conflict")
        assert (second.status_code, second.content) == (409, first.content)
        assert second["Idempotency-Replayed"] == "true"
        assert effects() == 0

    @pytest.mark.parametrize(("outcome", "status"), [("fault", 500), ("invalid", 400)])
    def test_of_a_failure_is_another_try(self, caller, outcome, status):
        client = caller()

        assert send(client, outcome=outcome).status_code == status
        assert send(client, outcome=outcome).status_code == status
        assert (effects(), IdempotencyKey.objects.count()) == (0, 0)

    def test_of_an_upload_compares_the_files(self, caller, assert_problem):
        client = caller()

        def upload(content):
            return client.post(
                URL,
                {"job": "a", "file": SimpleUploadedFile("x.csv", content)},
                headers={"idempotency-key": "k1"},
            )

        first, again, other = upload(b"1"), upload(b"1"), upload(b"2")

        assert (first.status_code, again.content) == (201, first.content)
        assert_problem(other, 422, "idempotency_key_reused")
        assert effects() == 1
