"""What the database itself refuses in core's tables."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.models import IdempotencyKey, OutboxEvent, Revocation

pytestmark = pytest.mark.django_db


def refused(constraint: str):
    return pytest.raises(IntegrityError, match=constraint)


def key(**changes: object) -> IdempotencyKey:
    facts = {
        "user_id": uuid4(),
        "method": "POST",
        "route": "api/v1/orders",
        "key": "k",
        "fingerprint": b"f" * 32,
        "response_status": 201,
        "response_body": b"{}",
        "expires_at": timezone.now(),
    }
    return IdempotencyKey(**{**facts, **changes})


class TestIdempotencyKey:
    def test_one_answer_a_scope_also_without_an_application(self):
        first = key()
        first.save()

        with refused("idempotency_key_scope"), transaction.atomic():
            key(user_id=first.user_id).save()

    @pytest.mark.parametrize("status", [199, 301, 400, 429, 500])
    def test_keeps_no_answer_that_may_be_tried_again(self, status):
        with refused("idempotency_stored_status"), transaction.atomic():
            key(response_status=status).save()

    @pytest.mark.parametrize("status", [200, 201, 202, 204, 409])
    def test_keeps_effects_and_conflicts(self, status):
        key(response_status=status).save()

    def test_says_what_it_is(self):
        assert str(key()) == "POST api/v1/orders k"


def row(**changes: object) -> OutboxEvent:
    facts = {"kind": "event", "type": "t", "object_type": "o", "object_id": "1", "sequence": 1}
    return OutboxEvent(**{**facts, **changes})


class TestOutboxEvent:
    def test_a_number_is_given_once_a_kind_and_object(self):
        row().save()
        row(kind="task").save()
        row(object_id="2").save()

        with refused("outbox_sequence_per_object"), transaction.atomic():
            row().save()

    def test_numbers_begin_with_one(self):
        with refused("outbox_sequence_from_one"), transaction.atomic():
            row(sequence=0).save()

    def test_knows_two_kinds(self):
        with refused("outbox_kind_known"), transaction.atomic():
            row(kind="rumour").save()

    def test_says_what_it_is(self):
        assert str(row()) == "t #1 of o 1"


class TestRevocation:
    def revocation(self, **changes: object) -> Revocation:
        now = timezone.now()
        facts = {
            "kind": "user",
            "subject": "1",
            "not_before": now,
            "expires_at": now,
            "reason": "r",
        }
        return Revocation(**{**facts, **changes})

    def test_once_a_subject(self):
        self.revocation().save()
        self.revocation(kind="family").save()

        with refused("revocation_once_per_subject"), transaction.atomic():
            self.revocation().save()

    def test_knows_four_kinds(self):
        with refused("revocation_kind_known"), transaction.atomic():
            self.revocation(kind="country").save()
