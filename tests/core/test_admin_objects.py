"""Buttons on an object's own page: for whom they are there, what is asked, what happens then."""

import pytest
from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from core import audit
from core.admin import ReasonForm, reasoned_action
from core.errors import ConflictError
from core.models import AuditEntry, OutboxEvent
from tests.core.test_admin import client_for, staff, stuck_row
from tests.factories.events import allow_events

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _events(monkeypatch):
    allow_events(monkeypatch, "thing.moved")


@pytest.fixture
def chief():
    return client_for(staff("chief", is_superuser=True))


def page_of(row):
    return reverse("admin:core_outboxevent_change", args=[row.pk])


def act_on(row, name):
    return reverse("admin:core_outboxevent_act", args=[row.pk, name])


def text(response) -> str:
    return response.content.decode()


class TestButtons:
    def test_are_there_for_what_applies(self, chief):
        row = stuck_row()
        assert act_on(row, "try_again") in text(chief.get(page_of(row)))

        chief.post(act_on(row, "give_up"), {"reason": "It never will."})

        assert act_on(row, "try_again") not in text(chief.get(page_of(row)))

    def test_are_not_there_for_who_may_only_look(self):
        row, viewer = stuck_row(), client_for(staff("viewer", "view_outboxevent"))

        assert viewer.get(page_of(row)).status_code == 200
        assert "/act/" not in text(viewer.get(page_of(row)))
        assert viewer.get(act_on(row, "give_up")).status_code == 403
        assert viewer.post(act_on(row, "give_up"), {"reason": "x"}).status_code == 403
        assert OutboxEvent.objects.get().published_at is None

    def test_grave_ones_look_so(self, chief):
        page = text(chief.get(page_of(stuck_row())))

        assert 'class="act grave" href' in page
        assert "Give up…" in page


class TestActing:
    def test_asking_for_the_page_changes_nothing(self, chief):
        row = stuck_row()

        page = chief.get(act_on(row, "give_up"))

        assert page.status_code == 200
        assert "They will never be sent" in text(page)
        assert OutboxEvent.objects.get().published_at is None

    def test_acts_audits_and_leads_back_to_the_object(self, chief):
        row = stuck_row()

        answer = chief.post(act_on(row, "give_up"), {"reason": "It never will."}, follow=True)

        assert answer.redirect_chain == [(page_of(row), 302)]
        assert "Give up: done for" in text(answer)
        entry = AuditEntry.objects.get(action="core.outboxevent.give_up")
        assert (entry.object_id, entry.reason) == (str(row.pk), "It never will.")
        assert LogEntry.objects.get().object_id == str(row.pk)

    def test_without_a_reason_it_asks_again(self, chief):
        row = stuck_row()

        answer = chief.post(act_on(row, "give_up"), {"reason": " "})

        assert "This field is required." in text(answer)
        assert not AuditEntry.objects.exists()

    def test_a_refusal_is_told_on_the_page_and_leaves_no_trace(self, chief):
        row = stuck_row()
        chief.post(act_on(row, "give_up"), {"reason": "Once."})

        answer = chief.post(act_on(row, "give_up"), {"reason": "Twice."})

        assert "This row is not waiting for another try." in text(answer)
        assert "Twice." in text(answer)
        assert AuditEntry.objects.count() == 1
        assert LogEntry.objects.count() == 1

    def test_needs_the_token_against_forged_forms(self):
        row, client = stuck_row(), Client(enforce_csrf_checks=True)
        client.force_login(staff("chief", is_superuser=True))

        assert client.post(act_on(row, "give_up"), {"reason": "Forged."}).status_code == 403
        assert OutboxEvent.objects.get().published_at is None

    @pytest.mark.parametrize("name", ["delete_model", "panels", "no_such_thing"])
    def test_only_what_is_listed_is_an_action(self, chief, name):
        assert chief.post(act_on(stuck_row(), name), {"reason": "x"}).status_code == 404

    @pytest.mark.parametrize("key", ["999999", "no-key"])
    def test_what_is_not_there_is_404(self, chief, key):
        url = reverse("admin:core_outboxevent_act", args=[key, "give_up"])

        assert chief.get(url).status_code == 404

    def test_is_not_for_strangers(self):
        assert Client().get(act_on(stuck_row(), "give_up")).status_code == 302


def seen_on(page):
    return page.context["seen"]


class TestWhatWasSeen:
    """A decision is about the object as its page showed it."""

    @pytest.fixture(autouse=True)
    def _noting(self, monkeypatch):
        """An act that may be done again and again, and that the row does not show."""
        kind = type(admin.site._registry[OutboxEvent])

        @reasoned_action(description="Note")
        def note(self, request, row, reason):
            audit.record(
                actor=None, action="x.noted", object_type="x", object_id="1", before=None, after={}
            )

        monkeypatch.setattr(kind, "note", note, raising=False)
        monkeypatch.setattr(kind, "object_actions", ("note",))

    def said(self, page, reason="Why not."):
        return {"reason": reason, "seen_state": seen_on(page)}

    def test_a_second_click_does_nothing_and_loses_no_word(self, chief):
        row = stuck_row()
        page = chief.get(act_on(row, "note"))

        first = chief.post(act_on(row, "note"), self.said(page))
        second = chief.post(act_on(row, "note"), self.said(page))

        assert (first.status_code, second.status_code) == (302, 200)
        assert "since you opened this page" in text(second)
        assert "Why not." in text(second)
        assert AuditEntry.objects.filter(action="x.noted").count() == 1
        assert LogEntry.objects.count() == 1

    def test_who_has_been_told_may_go_on(self, chief):
        row = stuck_row()
        page = chief.get(act_on(row, "note"))
        chief.post(act_on(row, "note"), self.said(page))
        told = chief.post(act_on(row, "note"), self.said(page))

        assert chief.post(act_on(row, "note"), self.said(told)).status_code == 302
        assert AuditEntry.objects.filter(action="x.noted").count() == 2

    def test_a_form_that_was_not_filled_in_is_still_about_what_was_seen(self, chief):
        row = stuck_row()
        page = chief.get(act_on(row, "note"))
        chief.post(act_on(row, "note"), self.said(page))

        asked_again = chief.post(act_on(row, "note"), self.said(page, reason=" "))

        assert seen_on(asked_again) == seen_on(page)


class PlaceForm(ReasonForm):
    first = ("place",)

    place = forms.ChoiceField(choices=[])
    field_order = ("place", "reason")

    def prepare(self, row):
        self.fields["place"].choices = [
            ("here", f"Here, beside {row.object_id}"),
            ("there", "There"),
        ]


def preview(row, said):
    if said["place"] == "there":
        raise ConflictError("There is no there.")
    return f"It goes {said['place']}."


class TestAskingFirst:
    """An action whose page can say what will happen only when it knows of what."""

    @pytest.fixture(autouse=True)
    def _moving(self, monkeypatch):
        kind = type(admin.site._registry[OutboxEvent])

        @reasoned_action(description="Move", form_class=PlaceForm, preview=preview)
        def move(self, request, row, reason, place):
            OutboxEvent.objects.filter(pk=row.pk).update(object_id=place)

        monkeypatch.setattr(kind, "move", move, raising=False)
        monkeypatch.setattr(kind, "object_actions", ("move",))

    def test_asks_for_the_choice_alone_without_a_form_that_acts(self, chief):
        page = text(chief.get(act_on(stuck_row(), "move")))

        assert "Here, beside 7" in page
        assert 'method="get"' in page
        assert 'name="reason"' not in page

    def test_then_says_what_will_happen_and_asks_why(self, chief):
        page = text(chief.get(act_on(stuck_row(), "move"), {"place": "here"}))

        assert "It goes here." in page
        assert '<input type="hidden" name="place" value="here"' in page
        assert 'name="reason"' in page

    def test_a_preview_that_is_refused_says_why(self, chief):
        page = text(chief.get(act_on(stuck_row(), "move"), {"place": "there"}))

        assert "There is no there." in page

    def test_what_was_chosen_comes_to_the_action(self, chief):
        row = stuck_row()

        chief.post(act_on(row, "move"), {"place": "here", "reason": "Tidy."})

        assert OutboxEvent.objects.get().object_id == "here"
        assert AuditEntry.objects.get().after == {"object_id": "here"}
