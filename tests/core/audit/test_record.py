"""Audit entries say who, what and why, stand with the change, hide secrets and never change."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import InternalError

from core import audit
from core.audit import AdminActor
from core.models import AuditEntry
from core.observability.request_id import RequestContext, bind
from core.security.principal import Principal

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
CALLER = Principal(
    user_id=UUID(int=1),
    username="alice",
    application_id=UUID(int=2),
    scopes=frozenset(),
    plan="free",
    is_staff=False,
    credential="jwt",
    credential_id="j",
    family_id=None,
    issued_at=NOON,
    expires_at=NOON,
)


def record(**changes: object) -> AuditEntry:
    facts = {
        "actor": CALLER,
        "action": "things.thing.renamed",
        "object_type": "thing",
        "object_id": "7",
        "before": {"name": "a", "at": NOON},
        "after": {"name": "b", "at": NOON},
        "reason": "Because.",
    }
    return audit.record(**{**facts, **changes})


@pytest.mark.django_db
class TestRecord:
    def test_keeps_all_of_it(self):
        with bind(RequestContext("req_1")):
            record()

        entry = AuditEntry.objects.get()
        assert (entry.actor_id, entry.actor_name) == (UUID(int=1), "alice")
        assert entry.application_id == UUID(int=2)
        assert (entry.action, entry.object_type, entry.object_id) == (
            "things.thing.renamed",
            "thing",
            "7",
        )
        assert entry.before == {"name": "a", "at": "2026-06-01T12:00:00Z"}
        assert entry.after == {"name": "b", "at": "2026-06-01T12:00:00Z"}
        assert (entry.reason, entry.request_id) == ("Because.", "req_1")

    def test_staff_and_the_platform_act_without_an_application(self):
        record(actor=AdminActor(UUID(int=5), "bob"))
        record(actor=None)

        actors = AuditEntry.objects.order_by("id").values_list(
            "actor_id", "actor_name", "application_id"
        )
        assert list(actors) == [(UUID(int=5), "bob", None), (None, "", None)]

    @pytest.mark.parametrize("name", ["password", "new_password", "Client_Secret", "refresh_token"])
    def test_hides_secrets_whatever_the_caller_thought(self, name):
        record(before={name: "hunter2"}, after={name: None, "other": 1})

        entry = AuditEntry.objects.get()
        assert entry.before == {name: "[hidden]"}
        assert entry.after == {name: None, "other": 1}

    def test_cuts_a_reason_that_is_too_long(self):
        assert len(record(reason="x" * 501).reason) == 500

    def test_goes_with_the_change_it_belongs_to(self):
        @transaction.atomic
        def fail_after_it() -> None:
            record()
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_after_it()

        assert not AuditEntry.objects.exists()

    def test_entries_can_be_counted(self):
        with audit.count_entries() as count:
            record()
            record()
        record()

        assert count.entries == 2


@pytest.mark.django_db
class TestAppendOnly:
    @pytest.mark.parametrize(
        "change",
        [
            lambda: AuditEntry.objects.update(reason="Another."),
            lambda: AuditEntry.objects.all().delete(),
        ],
        ids=["update", "delete"],
    )
    def test_the_past_cannot_be_changed(self, change):
        record()

        with (
            pytest.raises((IntegrityError, InternalError), match="append-only"),
            transaction.atomic(),
        ):
            change()

        assert AuditEntry.objects.get().reason == "Because."

    def test_not_by_plain_sql_either(self):
        record()

        with (
            pytest.raises((IntegrityError, InternalError), match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("UPDATE core_auditentry SET actor_name = 'mallory'")
