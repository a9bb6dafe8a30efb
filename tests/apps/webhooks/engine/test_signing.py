"""Signatures that the public library of Standard Webhooks takes, and what it refuses."""

import base64
import hashlib
import hmac

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from apps.webhooks.services.delivering import headers_of
from apps.webhooks.services.secrets import make_signing_secret, text_of
from apps.webhooks.services.signing import sign
from tests.apps.webhooks.engine.conftest import fresh
from tests.factories.webhooks import make_delivery, make_endpoint

BODY = b'{"type":"thing.done","data":{"name":"b\\u00fccher"}}'


def verify(secret, headers, body):
    return Webhook(text_of(secret)).verify(body, headers)


class TestSign:
    def test_is_taken_by_the_public_library(self):
        secret, now = make_signing_secret(), int(timezone.now().timestamp())
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(now),
            "webhook-signature": sign([secret], "msg_1", now, BODY),
        }
        assert verify(secret, headers, BODY)["type"] == "thing.done"

    def test_is_as_the_specification_works_it_out(self):
        expected = base64.b64encode(
            hmac.new(b"k" * 32, b"msg_1.1614265330." + BODY, hashlib.sha256).digest()
        )
        assert sign([b"k" * 32], "msg_1", 1614265330, BODY) == f"v1,{expected.decode()}"

    def test_verifies_under_either_secret_while_both_sign(self):
        old, new = make_signing_secret(), make_signing_secret()
        now = int(timezone.now().timestamp())
        signature = sign([new, old], "id", now, BODY)
        assert [part[:3] for part in signature.split(" ")] == ["v1,", "v1,"]
        headers = {
            "webhook-id": "id",
            "webhook-timestamp": str(now),
            "webhook-signature": signature,
        }
        for secret in (new, old):
            verify(secret, headers, BODY)

    @pytest.mark.parametrize("what", ["secret", "id", "time", "body"])
    def test_is_good_for_nothing_else(self, what):
        secret, now = make_signing_secret(), int(timezone.now().timestamp())
        headers = {
            "webhook-id": "other" if what == "id" else "id",
            "webhook-timestamp": str(now + 1 if what == "time" else now),
            "webhook-signature": sign([secret], "id", now, BODY),
        }
        body = BODY + b" " if what == "body" else BODY
        other = make_signing_secret() if what == "secret" else secret
        with pytest.raises(WebhookVerificationError):
            verify(other, headers, body)


@pytest.mark.django_db
class TestHeadersOf:
    def test_are_those_of_standard_webhooks(self, shop):
        issued = make_endpoint(shop)
        delivery = fresh(make_delivery(issued.row))
        now = timezone.now()
        body = delivery.body.encode()

        headers = headers_of(delivery, body, now=now)

        assert headers["webhook-id"] == str(delivery.event_id)
        assert headers["webhook-timestamp"] == str(int(now.timestamp()))
        assert headers["Content-Type"] == "application/json"
        assert headers["User-Agent"] == "Agora-Webhooks/1"
        Webhook(issued.secret).verify(body, headers)

    def test_a_later_try_has_the_same_id_and_another_time(self, shop):
        delivery = fresh(make_delivery(make_endpoint(shop).row))
        now = timezone.now()
        first = headers_of(delivery, b"{}", now=now)
        second = headers_of(delivery, b"{}", now=now + timezone.timedelta(hours=1))
        assert first["webhook-id"] == second["webhook-id"]
        assert first["webhook-signature"] != second["webhook-signature"]
