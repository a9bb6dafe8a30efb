"""The log of events as staff see it: to look at, and to find one's way from."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.accounts.events import PASSWORD_CHANGED
from apps.accounts.models import User
from apps.ml_models.events import ALIAS_MOVED, BATCH_FAILED, BATCH_SUCCEEDED
from core.ids import uuid7
from core.models import OutboxEvent
from core.outbox import publish
from tests.factories.accounts import PASSWORD
from tests.factories.events import make_record

pytestmark = pytest.mark.django_db

LOG = reverse("admin:webhooks_eventrecord_changelist")
ALICE, SHOP = uuid7(), uuid7()


@pytest.fixture
def client():
    browser = Client()
    browser.force_login(User.objects.create_superuser("root", password=PASSWORD))
    return browser


@pytest.fixture
def events():
    return {
        "public": make_record(ALIAS_MOVED),
        "application": make_record(BATCH_SUCCEEDED, account_id=ALICE, application_id=SHOP),
        "person": make_record(PASSWORD_CHANGED, account_id=ALICE),
        "failed": make_record(BATCH_FAILED, account_id=ALICE, application_id=SHOP),
    }


def rows_of(page):
    assert page.status_code == 200, page.content
    return [row.pk for row in page.context["cl"].result_list]


class TestLog:
    def test_is_newest_first(self, client, events):
        assert rows_of(client.get(LOG)) == [row.pk for row in reversed(events.values())]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({"type": "batch_prediction.*"}, ["failed", "application"]),
            ({"type": "user.password_changed"}, ["person"]),
            ({"audience": "everybody"}, ["public"]),
            ({"audience": "an application"}, ["failed", "application"]),
            ({"audience": "a person"}, ["person"]),
            ({"q": str(SHOP)}, ["failed", "application"]),
            ({"q": str(ALICE)}, ["failed", "person", "application"]),
        ],
    )
    def test_is_narrowed(self, client, events, query, names):
        assert rows_of(client.get(LOG, query)) == [events[name].pk for name in names]

    def test_finds_an_event_and_all_of_its_object(self, client, events):
        event = events["application"]

        assert rows_of(client.get(LOG, {"q": str(event.id)})) == [event.pk]
        assert rows_of(client.get(LOG, {"q": event.object_id})) == [event.pk]

    def test_page_shows_data_and_leads_on(self, client, events):
        event = events["application"]

        text = client.get(reverse("admin:webhooks_eventrecord_change", args=[event.pk])).text

        assert "&quot;succeeded&quot;: 5000" in text
        for page in ("developers_application_change", "accounts_user_change"):
            key = SHOP if "application" in page else ALICE
            assert reverse(f"admin:{page}", args=[key]) in text
        assert f"{reverse('admin:webhooks_delivery_changelist')}?q={event.id}" in text

    def test_can_be_changed_by_nobody(self, client, events):
        url = reverse("admin:webhooks_eventrecord_change", args=[events["public"].pk])

        assert client.get(reverse("admin:webhooks_eventrecord_add")).status_code == 403
        assert client.post(url, {"type": "x"}).status_code == 403
        assert client.post(url.replace("change", "delete"), {"post": "yes"}).status_code == 403

    def test_costs_no_more_for_more_rows(self, client, events):
        client.get(LOG)
        with CaptureQueriesContext(connection) as few:
            client.get(LOG)
        for _ in range(30):
            make_record(ALIAS_MOVED)
        with CaptureQueriesContext(connection) as many:
            client.get(LOG)

        assert len(many) == len(few)


class TestOverview:
    def test_tells_how_far_the_relay_is_behind_and_how_much_it_does(self, client):
        now = timezone.now()
        for number in range(4):
            publish(BATCH_SUCCEEDED.about(number, BATCH_SUCCEEDED.example, account_id=ALICE))
        rows = OutboxEvent.objects.order_by("position")
        first, second, third, _ = rows
        rows.filter(pk=first.pk).update(created_at=now - timedelta(seconds=90), attempts=1)
        rows.filter(pk=second.pk).update(published_at=now)
        rows.filter(pk=third.pk).update(published_at=now - timedelta(minutes=2))

        tiles = {tile.label: tile.figure for tile in client.get("/admin/").context["tiles"]}

        assert 90 <= float(tiles["outbox lag"].removesuffix(" s")) < 100
        assert (tiles["outbox waiting"], tiles["outbox failing"]) == ("1", "1")
        assert tiles["handed on in a minute"] == "1"
