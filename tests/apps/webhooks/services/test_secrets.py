import base64
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook

from apps.webhooks.errors import RotationRunningError
from apps.webhooks.models import WebhookEndpoint
from apps.webhooks.services import secrets
from core.models import AuditEntry
from core.security.sealing import UnsealableError
from tests.factories.developers import login_of, make_application
from tests.factories.parallel import in_parallel
from tests.factories.webhooks import make_endpoint

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, NEW = "an-old-key-of-thirty-two-characters", "a-new-key-of-thirty-two-characters!"


@pytest.fixture
def shop(alice):
    return make_application(alice)


@pytest.fixture
def issued(shop):
    return make_endpoint(shop)


def rotate(issued, *, now=NOON, expire=False):
    return secrets.rotate_secret(
        endpoint_id=issued.row.pk,
        expire_previous_now=expire,
        check=lambda _: None,
        actor=login_of(issued.row.application.owner),
        now=now,
    )


def texts(endpoint, now):
    endpoint.refresh_from_db()
    return [secrets.text_of(secret) for secret in secrets.signing_secrets(endpoint, now=now)]


class TestSigningSecrets:
    def test_is_one_that_the_public_library_takes(self, issued):
        [secret] = secrets.signing_secrets(issued.row, now=NOON)

        assert issued.secret == "whsec_" + base64.b64encode(secret).decode()
        assert len(secret) == 32
        assert Webhook(issued.secret)._whsecret == secret

    def test_are_two_while_a_rotation_overlaps(self, issued):
        after = rotate(issued)

        assert texts(issued.row, NOON + DAY - timedelta(seconds=1)) == [
            after.secret,
            issued.secret,
        ]
        assert texts(issued.row, NOON + DAY) == [after.secret]

    def test_is_one_when_the_old_one_was_to_end_at_once(self, issued):
        after = rotate(issued, expire=True)

        assert texts(issued.row, NOON) == [after.secret]
        assert issued.row.previous_secret is None

    def test_are_never_three(self, issued):
        """The receiver may have the oldest alone: it must not end before it was said to."""
        second = rotate(issued)

        with pytest.raises(RotationRunningError) as caught:
            rotate(issued, now=NOON + DAY - timedelta(seconds=1))

        assert caught.value.detail == "The secret from before signs until 2030-06-02T12:00:00Z."
        assert texts(issued.row, NOON) == [second.secret, issued.secret]

    def test_are_two_again_when_the_overlap_is_over(self, issued):
        second = rotate(issued)
        third = rotate(issued, now=NOON + DAY)

        assert texts(issued.row, NOON + DAY) == [third.secret, second.secret]

    def test_is_one_when_an_overlap_was_to_be_cut_short(self, issued):
        rotate(issued)
        third = rotate(issued, expire=True)

        assert texts(issued.row, NOON) == [third.secret]

    def test_cannot_be_read_without_their_key(self, issued, settings):
        settings.WEBHOOK_KEYS = [NEW]

        with pytest.raises(UnsealableError) as caught:
            secrets.signing_secrets(issued.row, now=NOON)

        assert issued.secret[6:20] not in str(caught.value)


class TestRotate:
    def test_is_written_down_without_a_secret(self, issued):
        after = rotate(issued)

        entry = AuditEntry.objects.get(action="webhooks.webhook_endpoint.secret_rotated")
        assert (entry.before, entry.after) == (
            {"rotation_ends_at": None},
            {"rotation_ends_at": "2030-06-02T12:00:00Z"},
        )
        assert after.row.row_version == 2


@pytest.mark.django_db(transaction=True)
class TestRotateAtOnce:
    def test_is_done_once_so_that_the_first_secret_still_signs(self, issued):
        answers = in_parallel(lambda _: rotate(issued, now=timezone.now()), count=5)

        [made] = [answer.secret for answer in answers if not isinstance(answer, Exception)]
        refused = [type(answer) for answer in answers if isinstance(answer, Exception)]
        assert refused == [RotationRunningError] * 4
        assert texts(issued.row, timezone.now()) == [made, issued.secret]


class TestReseal:
    def test_moves_all_to_the_newest_key_and_nothing_else(self, shop, settings):
        settings.WEBHOOK_KEYS = [OLD]
        old = make_endpoint(shop)
        before = rotate(old).row
        settings.WEBHOOK_KEYS = [NEW, OLD]
        fresh = make_endpoint(shop)
        untouched = bytes(WebhookEndpoint.objects.get(pk=fresh.row.pk).secret)

        assert secrets.reseal_secrets() == 1

        settings.WEBHOOK_KEYS = [NEW]
        assert len(texts(old.row, NOON)) == 2
        assert (old.row.row_version, old.row.updated_at) == (before.row_version, before.updated_at)
        assert bytes(WebhookEndpoint.objects.get(pk=fresh.row.pk).secret) == untouched
        assert secrets.reseal_secrets() == 0

    def test_has_a_command_for_operators(self, issued, settings, capsys):
        settings.WEBHOOK_KEYS = [NEW, *settings.WEBHOOK_KEYS]

        call_command("reseal_webhook_secrets")

        assert capsys.readouterr().out == "Sealed the secrets of 1 endpoint anew.\n"
        settings.WEBHOOK_KEYS = [NEW]
        assert texts(issued.row, NOON) == [issued.secret]


class TestWhereSecretsLie:
    def test_is_in_the_endpoints_row_alone_and_sealed_there(self, issued, log_lines):
        after = rotate(issued)

        stored = whole_database()
        for text in (issued.secret, after.secret):
            raw = base64.b64decode(text[6:])
            assert text[6:30] not in stored
            assert raw.hex() not in stored
            assert text[6:30] not in str(log_lines())


def whole_database() -> str:
    """Everything that is stored, as text; bytes in hexadecimal."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT LIKE 'django_%'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        texts = []
        for table in tables:
            cursor.execute(f"SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM \"{table}\" t")
            texts.append(cursor.fetchone()[0])
    return "\n".join(texts)
