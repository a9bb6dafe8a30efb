"""The sandbox bank: one key one effect, and no transaction of ours around it."""

import json
from decimal import Decimal

import pytest
from django.core import checks
from django.db import transaction
from django.utils import timezone

from apps.orders.errors.payments import BadSignatureError
from apps.orders.models import SandboxCall, SandboxCharge
from apps.orders.services.providers.protocol import Charge, Outcome, ProviderTimeoutError, Said
from apps.orders.services.providers.sandbox import SandboxProvider
from apps.orders.services.providers.sandbox.books import KeyReusedError, come_through
from apps.orders.services.providers.sandbox.callbacks import body_of
from apps.orders.services.providers.signatures import HEADER, sign
from core.checks import check_dotted_paths
from core.money import Money

pytestmark = pytest.mark.django_db
BANK = SandboxProvider()


def eur(amount):
    return Money(Decimal(amount), "EUR")


def charge(key="k1", amount="10.00", *, method="sandbox_success", reference="", capture=True):
    return Charge(key, reference, eur(amount), method, capture)


class TestKeys:
    def test_told_again_it_answers_the_same_and_takes_nothing(self):
        first, again = BANK.pay(charge()), BANK.pay(charge())

        assert first == again
        assert (SandboxCharge.objects.count(), SandboxCall.objects.count()) == (1, 1)

    def test_another_request_with_the_same_key_is_refused(self):
        BANK.pay(charge())

        with pytest.raises(KeyReusedError):
            BANK.pay(charge(amount="11.00"))

    def test_a_charge_that_has_its_money_takes_none_under_another_key(self):
        first = BANK.pay(charge())

        again = BANK.pay(charge("k2", reference=first.reference))

        assert (again.said, again.reference) == (Said.SUCCEEDED, first.reference)
        assert SandboxCharge.objects.get().captured == 10

    def test_is_found_by_its_key(self):
        with pytest.raises(ProviderTimeoutError):
            BANK.pay(charge(method="sandbox_timeout"))

        assert BANK.find("k1").said == Said.SUCCEEDED
        assert BANK.find("k2") is None
        assert BANK.pay(charge(method="sandbox_timeout")).said == Said.SUCCEEDED


class TestBooks:
    def test_no_call_is_taken_inside_a_transaction(self):
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            BANK.pay(charge())

    def test_takes_less_than_was_allowed(self):
        allowed = BANK.pay(charge(capture=False))

        taken = BANK.capture(reference=allowed.reference, amount=eur("4.00"), key="k2")

        assert (allowed.said, taken.said, taken.captured) == (
            Said.REQUIRES_CAPTURE,
            Said.SUCCEEDED,
            4,
        )

    def test_what_was_only_to_be_allowed_is_not_taken_when_it_comes_through(self):
        under_way = BANK.pay(charge(method="sandbox_pending", capture=False))

        come_through(under_way.reference)

        assert BANK.find("k1").said == Said.REQUIRES_CAPTURE
        assert SandboxCharge.objects.get().captured == 0

    def test_knows_a_method_as_long_as_a_payment_may_have(self):
        assert BANK.pay(charge(method="x" * 120)).code == "unknown_payment_method"

    def test_what_has_succeeded_is_not_cancelled(self):
        paid = BANK.pay(charge())

        assert BANK.cancel(reference=paid.reference, key="k2").said == Said.SUCCEEDED

    def test_gives_back_no_more_than_it_took(self):
        reference = BANK.pay(charge()).reference

        given = [
            BANK.refund(reference=reference, amount=eur("6.00"), key=key).said
            for key in ("r1", "r1", "r2")
        ]

        assert given == [Said.SUCCEEDED, Said.SUCCEEDED, Said.FAILED]
        assert SandboxCharge.objects.get().refunded == 6


class TestNotices:
    @pytest.mark.parametrize("captured", ["x", "NaN", 1.5, [], {}], ids=str)
    def test_an_amount_that_is_none_is_refused(self, captured):
        body = body_of("evt_1", "k1", Outcome(Said.SUCCEEDED, "ch_1"), timezone.now())
        event = json.loads(body)
        event["data"]["captured"] = captured
        body = json.dumps(event).encode()
        headers = {HEADER: sign(body, provider="sandbox", now=timezone.now())}

        with pytest.raises(BadSignatureError):
            BANK.verify(headers, body, timezone.now())


class TestSettings:
    def test_a_provider_that_cannot_be_imported_is_found_by_the_check(self, settings):
        settings.PAYMENT_PROVIDERS = {"bank": "apps.orders.services.providers.bank.Bank"}

        found = [error for error in check_dotted_paths() if isinstance(error, checks.Error)]

        assert [error.id for error in found] == ["core.E005"]
        assert "PAYMENT_PROVIDERS" in found[0].msg
