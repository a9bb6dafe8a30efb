import pytest

from apps.webhooks.models import WebhookEndpoint
from apps.webhooks.services import secrets
from core.models import IdempotencyKey
from tests.factories.developers import make_application
from tests.factories.webhooks import endpoints_url as url
from tests.factories.webhooks import make_endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def issued(alice):
    return make_endpoint(make_application(alice))


@pytest.fixture
def client(alice, client_of):
    return client_of(alice)


def rotate(client, issued, body=None, **headers):
    path = url(issued.row, "/rotate-secret")
    return client.post(path, body or {}, headers=headers, format="json")


class TestRotateSecret:
    def test_shows_the_new_one_once(self, issued, client):
        answer = rotate(client, issued)

        document = answer.json()
        assert answer.status_code == 200, document
        assert answer["Cache-Control"] == "no-store"
        assert document["secret"].startswith("whsec_")
        assert document["secret"] != issued.secret
        assert document["rotation_ends_at"].endswith("Z")
        assert "secret" not in client.get(url(issued.row)).json()

    def test_lets_the_old_one_end_at_once_if_asked(self, issued, client):
        answer = rotate(client, issued, {"expire_previous_now": True})

        assert answer.json()["rotation_ends_at"] is None

    def test_is_refused_while_the_last_one_overlaps(self, issued, client, assert_problem):
        ends = rotate(client, issued).json()["rotation_ends_at"]
        before = WebhookEndpoint.objects.get()

        problem = assert_problem(rotate(client, issued), 409, "secret_rotation_running")

        assert f"until {ends[:19]}Z" in problem["detail"]
        row = WebhookEndpoint.objects.get()
        assert (row.secret, row.previous_secret) == (before.secret, before.previous_secret)
        assert row.row_version == before.row_version

    def test_cuts_an_overlap_short_if_asked(self, issued, client):
        first = rotate(client, issued).json()

        answer = rotate(client, issued, {"expire_previous_now": True})

        assert (answer.status_code, answer.json()["rotation_ends_at"]) == (200, None)
        assert answer.json()["secret"] not in {first["secret"], issued.secret}

    def test_sent_twice_makes_two(self, issued, client):
        """An answer that holds a secret is not kept to be replayed."""
        body = {"expire_previous_now": True}
        first, second = (rotate(client, issued, body, **{"Idempotency-Key": "k"}) for _ in "ab")

        assert first.json()["secret"] != second.json()["secret"]
        assert not IdempotencyKey.objects.exists()

    def test_of_an_older_version_is_refused(self, issued, client, assert_problem):
        tag = client.get(url(issued.row))["ETag"]
        assert rotate(client, issued, **{"If-Match": tag}).status_code == 200

        answer = rotate(client, issued, **{"If-Match": tag})

        assert_problem(answer, 412, "precondition_failed")
        row = WebhookEndpoint.objects.get()
        assert row.row_version == 2
        assert secrets.unseal(bytes(row.previous_secret), secrets.settings.WEBHOOK_KEYS)

    @pytest.mark.parametrize(
        ("body", "at"),
        [
            ({"expire_previous_now": 1}, ("#/expire_previous_now", "invalid_type")),
            ({"secret": "whsec_mine"}, ("#/secret", "unknown_field")),
        ],
    )
    def test_says_what_is_wrong(self, issued, client, assert_problem, body, at):
        assert_problem(rotate(client, issued, body), 400, "validation_failed", at=at)

    def test_of_somebody_elses_is_not_found(self, issued, client_of, mallory, assert_problem):
        answer = rotate(client_of(mallory), issued)

        assert_problem(answer, 404, "webhook_endpoint_not_found")
        assert WebhookEndpoint.objects.get().row_version == 1


class TestLog:
    def test_has_no_secret_of_a_call_that_made_one(self, issued, client, log_lines):
        """Nor has what is wrong with a call that tried to bring one."""
        made = rotate(client, issued).json()["secret"]
        refused = rotate(client, issued, {"secret": "whsec_bWluZW1pbmVtaW5lbWluZW1pbmU="})

        lines = str(log_lines())
        assert "rotate-secret" in lines
        assert made[6:20] not in lines
        assert "bWluZW1pbmU" not in lines + refused.content.decode()


class TestCreateTwice:
    def test_with_one_key_makes_two_and_keeps_no_answer(self, alice, client):
        body = {
            "application_id": str(make_application(alice).pk),
            "url": "https://hooks.example.org/",
            "event_types": ["*"],
        }

        for _ in "ab":
            answer = client.post(url(), body, headers={"Idempotency-Key": "k"}, format="json")
            assert answer.status_code == 201

        assert WebhookEndpoint.objects.count() == 2
        assert not IdempotencyKey.objects.exists()
