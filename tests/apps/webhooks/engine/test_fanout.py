"""Who gets a delivery of an event."""

import json

import pytest
from django.utils import timezone

from apps.webhooks.models import Delivery, EventRecord, WebhookEndpoint
from apps.webhooks.services.fanout import fan_out
from core.ids import uuid7
from tests.factories.developers import make_application

pytestmark = pytest.mark.django_db


def record(shop=None, *, event_type="batch_prediction.succeeded", **fields):
    now = timezone.now()
    owner = {} if shop is None else {"account_id": shop.owner_id, "application_id": shop.pk}
    return EventRecord.objects.create(
        **{
            "id": uuid7(),
            "type": event_type,
            "object_type": "batch_prediction",
            "object_id": str(uuid7()),
            "sequence": 3,
            "schema_version": 1,
            "data": {"rows": 7},
            "request_id": "req_cause",
            "occurred_at": now,
            "recorded_at": now,
            **owner,
            **fields,
        }
    )


class TestFanOut:
    def test_makes_one_delivery_with_a_body_that_says_it_all(self, make, shop):
        endpoint, event = make(), record(shop)
        assert fan_out([event]) == 1
        delivery = Delivery.objects.get()
        assert (delivery.endpoint_id, delivery.event_id) == (endpoint.pk, event.id)
        assert (delivery.event_position, delivery.event_type) == (event.position, event.type)
        assert delivery.object_key == f"batch_prediction:{event.object_id}"
        assert (delivery.state, delivery.is_ordered, delivery.request_id) == (
            "pending",
            True,
            "req_cause",
        )
        body = json.loads(delivery.body)
        assert body["type"] == event.type
        assert body["data"] == {"rows": 7}
        assert body["object"]["id"] == event.object_id
        assert body["object"]["sequence"] == 3

    def test_is_safe_to_repeat(self, make, shop):
        make()
        event = record(shop)
        fan_out([event])
        fan_out([event])
        assert Delivery.objects.count() == 1

    @pytest.mark.parametrize(
        ("patterns", "hears"),
        [
            (["batch_prediction.succeeded"], True),
            (["batch_prediction.*"], True),
            (["*"], True),
            (["api_key.*", "batch_prediction.succeeded"], True),
            (["batch_prediction.failed"], False),
            (["batch.*"], False),
            (["batch_prediction"], False),
        ],
    )
    def test_goes_by_type_family_or_all(self, make, shop, patterns, hears):
        make(event_types=patterns)
        assert fan_out([record(shop)]) == hears

    def test_another_application_hears_nothing(self, make, shop, alice):
        make(application=make_application(alice, "Other"))
        assert fan_out([record(shop)]) == 0

    def test_everybody_hears_of_a_public_event(self, make, shop, mallory):
        make()
        make(application=make_application(mallory, "Hers"))
        assert fan_out([record(event_type="model.alias_moved")]) == 2

    def test_an_event_of_a_person_s_alone_goes_to_no_application(self, make, alice):
        make()
        assert fan_out([record(account_id=alice.pk)]) == 0

    @pytest.mark.parametrize(
        "change",
        [
            {"status": "disabled", "disabled_at": timezone.now(), "disabled_reason": "owner"},
            {"deleted_at": timezone.now()},
        ],
    )
    def test_an_endpoint_that_is_off_or_deleted_hears_nothing(self, make, shop, change):
        WebhookEndpoint.objects.filter(pk=make().pk).update(**change)
        assert fan_out([record(shop)]) == 0
