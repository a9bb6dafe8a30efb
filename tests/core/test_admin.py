"""The operators' door: it looks, asks why before it acts, records what it did, and stays fast."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.admin import AuditedModelAdmin, actor_of, reasoned_action
from core.admin.base import COUNT_MAX, CappedPaginator
from core.errors import ConflictError
from core.models import AuditEntry, IdempotencyKey, OutboxEvent, Revocation
from core.outbox import Event, publish
from tests.factories.events import allow_events

pytestmark = pytest.mark.django_db

OUTBOX = reverse("admin:core_outboxevent_changelist")


def staff(username: str, *permissions: str, **fields: object):
    user = get_user_model().objects.create_user(
        username=username, password="x" * 20, is_staff=True, **fields
    )
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def client_for(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def chief():
    return staff("chief", is_superuser=True)


@pytest.fixture
def browser(chief):
    return client_for(chief)


@pytest.fixture(autouse=True)
def _events(monkeypatch):
    allow_events(monkeypatch, "thing.moved")


def stuck_row(object_id: str = "7") -> OutboxEvent:
    publish(Event("thing.moved", "thing", object_id, {"secret_plan": object_id}))
    row = OutboxEvent.objects.latest("position")
    row.attempts, row.last_error = 3, "ValueError: no"
    row.next_attempt_at = timezone.now() + timedelta(minutes=1)
    row.save()
    return row


def choose(browser, action: str, rows, **fields: str):
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows], **fields}
    if "apply" not in fields:
        data["index"] = "0"
    return browser.post(OUTBOX, data)


def shown_messages(response) -> list[str]:
    return [str(message) for message in response.wsgi_request._messages._queued_messages]


@pytest.fixture
def one_of_each():
    stuck_row()
    return {
        "auditentry": AuditEntry.objects.create(
            action="a.b", object_type="thing", object_id="7", after={"<b>": "<script>"}
        ),
        "idempotencykey": IdempotencyKey.objects.create(
            user_id=uuid4(),
            method="POST",
            route="api/v1/orders",
            key="key-1",
            fingerprint=b"f" * 32,
            response_status=201,
            response_headers={"Location": "/secret-place"},
            response_body=b'{"card":"4111"}' * 100,
            expires_at=timezone.now() + timedelta(hours=1),
        ),
        "outboxevent": OutboxEvent.objects.get(),
        "revocation": Revocation.objects.create(
            kind="user",
            subject="1",
            not_before=timezone.now(),
            expires_at=timezone.now() + timedelta(hours=1),
            reason="test",
        ),
    }


class TestCoresTables:
    @pytest.mark.parametrize("table", ["auditentry", "idempotencykey", "outboxevent", "revocation"])
    def test_can_be_listed_searched_and_read_but_not_edited(self, browser, one_of_each, table):
        listing = reverse(f"admin:core_{table}_changelist")
        row = one_of_each[table]
        detail = reverse(f"admin:core_{table}_change", args=[row.pk])

        assert browser.get(listing).status_code == 200
        assert browser.get(listing, {"q": "no-such-thing"}).status_code == 200
        assert browser.get(listing, {"q": str(row.pk)}).status_code == 200
        page = browser.get(detail)
        assert page.status_code == 200
        assert b'name="_save"' not in page.content
        assert browser.post(detail, {"reason": "x"}).status_code == 403
        assert browser.get(reverse(f"admin:core_{table}_add")).status_code == 403
        assert browser.get(reverse(f"admin:core_{table}_delete", args=[row.pk])).status_code == 403
        history = reverse(f"admin:core_{table}_history", args=[row.pk])
        assert browser.get(history).status_code == 200

    def test_a_kept_answer_is_never_shown_nor_read(self, browser, one_of_each):
        row = one_of_each["idempotencykey"]
        pages = [
            browser.get(reverse("admin:core_idempotencykey_changelist")),
            browser.get(reverse("admin:core_idempotencykey_change", args=[row.pk])),
        ]

        for page in pages:
            assert b"4111" not in page.content
            assert b"secret-place" not in page.content
            assert b"1.5 KiB" in page.content

    def test_what_is_stored_is_escaped(self, browser, one_of_each):
        page = browser.get(
            reverse("admin:core_auditentry_change", args=[one_of_each["auditentry"].pk])
        )

        assert b"<script>&quot;" not in page.content
        assert b"&lt;script&gt;" in page.content

    @pytest.mark.parametrize(("state", "count"), [("failing", 1), ("waiting", 1), ("published", 0)])
    def test_the_outbox_is_filtered_by_state(self, browser, state, count):
        stuck_row("1")
        publish(Event("thing.moved", "thing", "2", {}))

        page = browser.get(OUTBOX, {"state": state})

        assert page.context["cl"].result_count == count

    def test_search_finds_by_id_and_request(self, browser):
        row = stuck_row()

        for words in (str(row.id), "7", "thing."):
            assert browser.get(OUTBOX, {"q": words}).context["cl"].result_count == 1

    def test_a_list_counts_no_further_than_it_must(self, browser):
        stuck_row()
        with connection.execute_wrapper(refuse_unlimited_counts):
            assert browser.get(OUTBOX).status_code == 200

        paginator = CappedPaginator(OutboxEvent.objects.order_by("position"), 50)
        assert paginator.count == 1
        assert COUNT_MAX == 10_000


def refuse_unlimited_counts(execute, sql, params, many, context):
    assert "COUNT(" not in sql or "LIMIT" in sql, sql
    return execute(sql, params, many, context)


class TestReasonedAction:
    def test_first_lists_the_rows_and_asks_why(self, browser):
        row = stuck_row()

        page = choose(browser, "give_up", [row])

        assert page.status_code == 200
        assert b"thing.moved #1 of thing 7" in page.content
        assert b'name="reason"' in page.content
        row.refresh_from_db()
        assert row.published_at is None
        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
    def test_does_nothing_without_a_proper_reason(self, browser, reason):
        row = stuck_row()

        page = choose(browser, "give_up", [row], apply="1", reason=reason)

        assert page.status_code == 200
        assert b"errorlist" in page.content
        row.refresh_from_db()
        assert row.published_at is None
        assert not AuditEntry.objects.exists()

    def test_then_acts_and_records_who_what_and_why(self, browser, chief):
        row = stuck_row()

        page = choose(browser, "give_up", [row], apply="1", reason="Nobody needs it.")

        assert page.status_code == 302
        row.refresh_from_db()
        assert row.published_at is not None
        entry = AuditEntry.objects.get()
        assert (entry.actor_id, entry.actor_name) == (chief.pk, "chief")
        assert entry.action == "core.outboxevent.give_up"
        assert (entry.object_type, entry.object_id) == ("outboxevent", str(row.pk))
        assert (list(entry.before), entry.before["published_at"]) == (["published_at"], None)
        assert entry.after["published_at"] is not None
        assert (entry.reason, entry.request_id[:4]) == ("Nobody needs it.", "req_")
        assert "Nobody needs it." in LogEntry.objects.get().change_message
        history = browser.get(reverse("admin:core_outboxevent_history", args=[row.pk]))
        assert b"core.outboxevent.give_up" in history.content
        assert b"Nobody needs it." in history.content

    def test_reports_each_row_that_fails_and_does_the_others(self, browser):
        done, gone = stuck_row("1"), stuck_row("2")
        OutboxEvent.objects.filter(pk=gone.pk).update(published_at=timezone.now())

        page = choose(browser, "try_again", [done, gone], apply="1", reason="Mended.")

        assert shown_messages(page) == [
            "Try the selected rows again now: done for 1 of 2.",
            "thing.moved #1 of thing 2: This row is not waiting for another try.",
        ]
        assert AuditEntry.objects.get().object_id == str(done.pk)
        done.refresh_from_db()
        assert done.next_attempt_at <= timezone.now()

    def test_takes_at_most_a_hundred_rows(self, browser):
        rows = [stuck_row(str(number)) for number in range(101)]

        page = choose(browser, "give_up", rows)

        assert shown_messages(page) == ["Choose at most 100 rows at once."]

    def test_rows_of_nonsense_are_none(self, browser):
        page = browser.post(
            OUTBOX, {"action": "give_up", "_selected_action": "x", "apply": "1", "reason": "r"}
        )

        assert page.status_code == 302
        assert shown_messages(page)[0] == "There are no such rows."

    def test_is_offered_to_those_who_may_change_alone(self):
        row = stuck_row()
        reader = client_for(staff("reader", "view_outboxevent"))
        operator = client_for(staff("operator", "change_outboxevent"))

        assert b"give_up" not in reader.get(OUTBOX).content
        choose(reader, "give_up", [row], apply="1", reason="Mine.")
        row.refresh_from_db()
        assert row.published_at is None

        assert b"give_up" in operator.get(OUTBOX).content
        choose(operator, "give_up", [row], apply="1", reason="Mine.")
        row.refresh_from_db()
        assert row.published_at is not None

    def test_strangers_are_sent_to_the_login(self, one_of_each):
        assert Client().get(OUTBOX).status_code == 302


class RevocationDesk(AuditedModelAdmin[Revocation]):
    """Not registered: an admin whose actions behave in the ways that matter."""

    @reasoned_action(description="Record it itself")
    def records(self, request, row, reason):
        from core import audit

        audit.record(
            actor=actor_of(request),
            action="own.words",
            object_type="thing",
            object_id="1",
            before=None,
            after=None,
            reason=reason,
        )

    @reasoned_action(description="Fail halfway")
    def fails(self, request, row, reason):
        Revocation.objects.filter(pk=row.pk).update(reason="changed")
        raise {"conflict": ConflictError("Not now."), "bug": ZeroDivisionError()}[row.subject]

    @reasoned_action(description="Delete it")
    def deletes(self, request, row, reason):
        row.delete()


class TestActionsOfApps:
    @pytest.fixture
    def act(self, rf, chief):
        from django.contrib.messages.storage.fallback import FallbackStorage

        desk = RevocationDesk(Revocation, admin.site)

        def run(name: str, *rows: Revocation):
            request = rf.post(
                "/",
                {"_selected_action": [row.pk for row in rows], "apply": "1", "reason": "Why not."},
            )
            request.user, request.session = chief, {}
            request._messages = FallbackStorage(request)
            getattr(RevocationDesk, name)(desk, request, Revocation.objects.all())
            return [str(message) for message in request._messages]

        return run

    @pytest.fixture
    def make(self):
        return lambda subject: Revocation.objects.create(
            kind="user",
            subject=subject,
            not_before=timezone.now(),
            expires_at=timezone.now(),
            reason="r",
        )

    def test_a_service_that_records_is_not_recorded_twice(self, act, make):
        act("records", make("x"))

        assert [entry.action for entry in AuditEntry.objects.all()] == ["own.words"]

    def test_what_failed_is_undone_told_and_not_recorded(self, act, make):
        told = act("fails", make("conflict"), make("bug"))

        assert told[0] == "Fail halfway: done for 0 of 2."
        assert sorted(line.split(": ")[1][:19] for line in told[1:]) == [
            "Failed unexpectedly",
            "Not now.",
        ]
        assert set(Revocation.objects.values_list("reason", flat=True)) == {"r"}
        assert not AuditEntry.objects.exists()

    def test_a_deleted_row_leaves_what_it_was(self, act, make):
        row = make("x")
        key = row.pk
        act("deletes", row)

        entry = AuditEntry.objects.get()
        assert (entry.object_id, entry.after) == (str(key), None)
        assert entry.before["subject"] == "x"

    def test_rows_that_were_not_chosen_are_left_alone(self, act, make):
        chosen, other = make("x"), make("y")
        act("deletes", chosen)

        assert list(Revocation.objects.all()) == [other]


class EditableDesk(AuditedModelAdmin[Revocation]):
    """An admin that does allow editing: it is recorded."""

    def has_add_permission(self, request):
        return True

    def has_change_permission(self, request, obj=None):
        return True

    def has_delete_permission(self, request, obj=None):
        return True


class TestEditing:
    def test_is_recorded_with_what_changed(self, rf, chief):
        desk = EditableDesk(Revocation, admin.site)
        request = rf.post("/")
        request.user = chief
        row = Revocation(
            kind="user",
            subject="1",
            not_before=timezone.now(),
            expires_at=timezone.now(),
            reason="r",
        )
        form = desk.get_form(request)(instance=row)
        form.cleaned_data = {}

        with transaction.atomic():
            desk.save_model(request, row, form, change=False)
            row.reason = "another"
            desk.save_model(request, row, form, change=True)
            desk.delete_queryset(request, Revocation.objects.all())

        added, changed, deleted = AuditEntry.objects.order_by("id")
        assert [entry.action.rsplit(".")[-1] for entry in (added, changed, deleted)] == [
            "added",
            "changed",
            "deleted",
        ]
        assert (added.before, added.after["subject"]) == (None, "1")
        assert (changed.before, changed.after) == ({"reason": "r"}, {"reason": "another"})
        assert (deleted.before["reason"], deleted.after) == ("another", None)
        assert UUID(deleted.object_id)
