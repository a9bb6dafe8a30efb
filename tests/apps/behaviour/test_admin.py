"""What staff see of behaviour facts: a list, its filters, a chart of the days."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.behaviour.models import BehaviourEvent
from apps.behaviour.selectors.daily import DAYS_MAX, OTHERS, daily_facts
from apps.behaviour.services.recording import record_behaviour
from core.ids import uuid7
from tests.factories.accounts import PASSWORD
from tests.factories.behaviour import make_behaviour

pytestmark = pytest.mark.django_db

URL = "/admin/behaviour/behaviourevent/"


@pytest.fixture
def shown():
    """`shown(**query)`: the page with that query as text."""
    client = Client()
    client.force_login(User.objects.create_superuser("root", password=PASSWORD))

    def ask(path="", **query):
        answer = client.get(URL + path, query)
        assert answer.status_code == 200, answer.content
        return answer.content.decode()

    return ask


def test_a_list_shows_who_did_what_with_a_chart(shown, alice):
    now = timezone.now()
    record_behaviour([make_behaviour(at=now, user_id=alice.pk, properties={"query": "drill"})])

    page = shown()

    assert "alice" in page
    assert "drill" in page
    assert "Facts by day" in page


def test_it_is_found_by_name_person_id_and_period(shown, alice):
    now = timezone.now()
    seen = make_behaviour(at=now, user_id=alice.pk)
    cart = uuid7()
    searched = make_behaviour(at=now, user_id=None, anonymous_id=cart, name="Products Searched")
    old = make_behaviour(at=now - timedelta(days=5))
    record_behaviour([seen, searched, old])

    def ids(**query):
        page = shown(**query)
        return [fact for fact in (seen, searched, old) if fact.request_id in page]

    assert ids() == [seen, searched]
    assert ids(period="week") == [seen, searched, old]
    assert ids(name="Products Searched") == [searched]
    assert ids(q="alice") == [seen]
    assert ids(q="nobody") == []
    assert ids(q=str(cart)) == [searched]
    assert ids(q=str(seen.id)) == [seen]


def test_a_fact_has_a_page_that_changes_nothing(shown):
    fact = make_behaviour(at=timezone.now())
    record_behaviour([fact])

    page = shown(f"{fact.id}/change/")

    assert fact.properties["product_id"] in page
    assert 'name="_save"' not in page


class TestDailyFacts:
    def test_of_no_rows_are_none(self):
        assert daily_facts(BehaviourEvent.objects.all()).days == []

    def test_have_no_gap_and_add_up_what_is_rare(self):
        now = timezone.now()
        names = ("Cart Viewed", "Product Added", "Product Viewed", "Order Completed")
        names += ("Coupon Entered", "Coupon Denied", "Coupon Applied")
        facts = [
            make_behaviour(at=now - timedelta(days=2 * (count % 2)), name=name)
            for place, name in enumerate(names)
            for count in range(len(names) - place)
        ]
        record_behaviour(facts)

        found = daily_facts(BehaviourEvent.objects.all())

        assert len(found.days) == 3
        assert [name for name, _ in found.series] == [*names[:5], OTHERS]
        assert found.series[0] == ("Cart Viewed", [3, 0, 4])
        assert found.series[-1] == (OTHERS, [1, 0, 2])

    def test_are_of_the_last_days_when_there_are_many(self):
        now = timezone.now()
        record_behaviour([make_behaviour(at=now), make_behaviour(at=now - timedelta(days=300))])

        found = daily_facts(BehaviourEvent.objects.all())

        assert len(found.days) == DAYS_MAX
        assert sum(sum(counts) for _, counts in found.series) == 1
