"""Operations for strangers and for whoever carries a scope, and answers that caches may share."""

import pytest

from core.models import AuditEntry, IdempotencyKey

URL = "/api/v1/open"


class TestOrAnonymous:
    def test_lets_a_stranger_in(self, anyone):
        assert anyone.get(URL).json() == {"anonymous": True}

    def test_lets_in_who_carries_the_scope(self, caller):
        assert caller("profile:read").get(URL).json() == {"anonymous": False}

    def test_refuses_a_credential_without_the_scope(self, caller, assert_problem):
        problem = assert_problem(caller().get(URL), 403, "insufficient_scope")

        assert problem["required_scope"] == "profile:read"

    def test_refuses_a_bad_credential(self, anyone, assert_problem):
        response = anyone.get(URL, headers={"Authorization": "Bearer nonsense"})

        assert_problem(response, 401, "invalid_token")

    def test_refuses_to_write_by_a_credential_that_may_only_read(self, caller, assert_problem):
        client = caller("profile:write", read_only=True)

        assert_problem(client.post(URL, {}, "application/json"), 403, "read_only_credential")

    @pytest.mark.django_db
    def test_heeds_the_key_of_somebody_known_alone(self, anyone, caller):
        for client in [anyone, anyone, caller("profile:write"), caller("profile:write")]:
            headers = {"idempotency-key": "k1"}
            assert client.post(URL, {}, "application/json", headers=headers).status_code == 201

        assert AuditEntry.objects.filter(object_id="open").count() == 3
        assert IdempotencyKey.objects.count() == 1

    def test_a_method_it_lacks_is_405_for_a_stranger(self, anyone, assert_problem):
        assert_problem(anyone.delete(URL), 405, "method_not_allowed")


class TestSharedAnswers:
    def test_are_those_to_strangers(self, anyone, caller):
        assert anyone.get(URL)["Cache-Control"] == "public, max-age=60"
        assert caller("profile:read").get(URL)["Cache-Control"] == "no-store"

    def test_say_of_no_caller_what_is_left(self, anyone, caller):
        limits = {"RateLimit", "RateLimit-Policy"}
        refused = anyone.get(URL, {"fault": "1"})

        assert limits & set(anyone.get(URL).headers) == set()
        assert limits & set(refused.headers) == limits
        assert limits & set(caller("profile:read").get(URL).headers) == limits

    def test_are_charged_once_all_the_same(self, anyone):
        def left():
            return int(anyone.get(URL, {"fault": "1"})["RateLimit"].split("r=")[-1].split(";")[0])

        before = left()
        anyone.get(URL)

        assert before - left() == 2

    def test_are_no_refusals(self, anyone):
        assert anyone.get(URL, {"fault": "1"})["Cache-Control"] == "no-store"

    @pytest.mark.django_db
    def test_are_no_writes(self, anyone):
        assert anyone.post(URL, {}, "application/json")["Cache-Control"] == "no-store"
