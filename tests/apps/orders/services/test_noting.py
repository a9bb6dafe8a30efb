"""The note of an order: who may change it, and what that leaves behind."""

import pytest

from apps.orders.errors import OrderNotFoundError
from apps.orders.services.noting import change_note
from core.errors import PreconditionError
from core.models import AuditEntry
from tests.factories.developers import make_application
from tests.factories.orders import buyer_of, make_order

pytestmark = pytest.mark.django_db


def accept(order):
    """Whatever the version."""


def change(order, actor, check=accept):
    return change_note(name=str(order.number), note="Ring twice.", check=check, actor=actor)


class TestNote:
    def test_is_checked_again_under_the_lock(self, alice):
        order = make_order(alice, note="Ring once.")

        def refuse(row):
            assert row.pk == order.pk
            raise PreconditionError

        with pytest.raises(PreconditionError):
            change(order, buyer_of(alice), refuse)

        order.refresh_from_db()
        assert order.note == "Ring once."
        assert order.events.count() == 1

    def test_is_changed_by_who_manages_orders_and_that_is_in_the_audit(self, alice, bob):
        order = make_order(alice, note="Ring once.")

        changed = change(order, buyer_of(bob))

        assert changed.note == "Ring twice."
        entry = AuditEntry.objects.get(action="orders.order.note_changed")
        assert (entry.object_id, entry.actor_id) == (str(order.pk), bob.pk)
        assert (entry.before, entry.after) == ({"note": "Ring once."}, {"note": "Ring twice."})

    def test_is_nobody_elses(self, alice, mallory):
        order = make_order(alice, application=make_application(alice))

        for stranger in (buyer_of(mallory), buyer_of(alice, make_application(alice, "Other"))):
            with pytest.raises(OrderNotFoundError):
                change(order, stranger)
