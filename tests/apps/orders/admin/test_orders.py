"""The page of an order: its story, and buttons that obey the rules of the API."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.orders.models import Coupon, Fulfilment, Order, OrderEvent, ProviderCall, Refund
from apps.orders.services.payments.intents import create_intent
from apps.orders.services.refunds import refund_order
from core.models import AuditEntry
from core.money import Money
from tests.factories.accounts import UserFactory
from tests.factories.fulfilments import make_paid_order
from tests.factories.orders import buyer_of, make_order
from tests.factories.parallel import one_behind_the_other
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db

ORDERS = "/admin/orders/order/"


@pytest.fixture
def client():
    return client_of(User.objects.create_superuser("root", password="x" * 20))


@pytest.fixture
def buyer():
    return UserFactory(username="alice")


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def page_of(order):
    return f"{ORDERS}{order.pk}/change/"


def act_of(order, name):
    return f"{ORDERS}{order.pk}/act/{name}/"


def all_of(order):
    """Every piece, as the page asks for them."""
    return {f"line_{line.pk.hex}": line.quantity for line in order.lines.all()}


def shown(response):
    return response.content.decode()


def seen_on(page):
    return page.context["seen"]


@pytest.fixture
def paid(buyer):
    return make_paid_order(buyer, [(make_product(price="10.00", sku="TEE", stock=9).only, 3)])


@pytest.fixture
def looker():
    user = UserFactory(username="looker", staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="orders", codename__startswith="view")
    )
    return client_of(user)


class TestThePage:
    def test_tells_where_the_order_stands_what_is_in_it_and_its_story(self, client, paid):
        page = shown(client.get(page_of(paid)))

        for words in ["Confirmed", "Paid", "Unfulfilled", "TEE", "30.00", "order placed"]:
            assert words in page

    def test_takes_no_more_queries_with_more_lines_and_events(self, client, buyer):
        small = make_order(buyer)
        lines = [(make_product().only, 1) for _ in range(4)]
        large = make_order(buyer, lines)

        counts = []
        for order in (small, small, large):
            with CaptureQueriesContext(connection) as queries:
                client.get(page_of(order))
            counts.append(len(queries))

        assert counts[1] == counts[2]

    def test_has_no_buttons_for_who_may_only_look(self, looker, paid):
        page = looker.get(page_of(paid))

        assert (page.status_code, "/act/" in shown(page)) == (200, False)

    def test_has_the_buttons_that_apply(self, client, buyer, paid):
        pending = make_order(buyer)

        page = shown(client.get(page_of(paid)))
        assert all(act_of(paid, name) in page for name in ["process", "fulfil", "refund", "cancel"])
        assert act_of(paid, "complete") not in page
        page = shown(client.get(page_of(pending)))
        assert act_of(pending, "cancel") in page
        assert not any(act_of(pending, name) in page for name in ["process", "fulfil", "refund"])


class TestSending:
    def test_asks_for_each_line_what_is_left(self, client, paid):
        line = paid.lines.get()

        page = shown(client.get(act_of(paid, "fulfil")))

        assert f'name="line_{line.pk.hex}" value="3"' in page

    def test_sends_the_pieces_that_were_said(self, client, paid):
        line = paid.lines.get()
        said = {"reason": "First half.", f"line_{line.pk.hex}": 2, "carrier": "DHL"}

        answer = client.post(act_of(paid, "fulfil"), said)

        assert answer.status_code == 302, shown(answer)
        parcel = Fulfilment.objects.get(order=paid)
        assert (parcel.carrier, parcel.lines.get().quantity) == ("DHL", 2)
        paid.refresh_from_db()
        assert (paid.status, paid.fulfilment_status) == ("processing", "partially_fulfilled")

    def test_twice_from_one_page_sends_no_more(self, client, buyer):
        one, other = (make_product().only for _ in range(2))
        paid = make_paid_order(buyer, [(one, 1), (other, 2)])
        line = paid.lines.get(variant=one)
        said = {"reason": "First.", f"line_{line.pk.hex}": 1}

        first, again = (client.post(act_of(paid, "fulfil"), said) for _ in range(2))

        assert (first.status_code, again.status_code) == (302, 200)
        assert Fulfilment.objects.count() == 1

    def test_of_no_piece_is_no_parcel(self, client, paid):
        answer = client.post(act_of(paid, "fulfil"), {"reason": "x"})

        assert "Say which pieces are in the parcel." in shown(answer)
        assert not Fulfilment.objects.exists()

    def test_an_address_to_follow_it_is_https(self, client, paid):
        said = {"reason": "x", "tracking_url": "http://example.org/1"}

        answer = client.post(act_of(paid, "fulfil"), said)

        assert "It must begin with https." in shown(answer)
        assert not Fulfilment.objects.exists()

    def test_of_an_unpaid_order_is_refused_as_the_api_refuses_it(self, client, buyer):
        order = make_order(buyer)

        answer = client.post(act_of(order, "fulfil"), {"reason": "Please.", **all_of(order)})

        assert answer.status_code == 200
        assert "errornote" in shown(answer) or "errorlist" in shown(answer)
        assert not Fulfilment.objects.exists()

    def test_and_that_it_arrived_is_noted(self, client, paid):
        client.post(act_of(paid, "fulfil"), {"reason": "All.", **all_of(paid)})
        parcel = Fulfilment.objects.get()

        client.post(f"/admin/orders/fulfilment/{parcel.pk}/act/deliver/", {"reason": "Signed."})

        parcel.refresh_from_db()
        assert parcel.state == "delivered"


class TestMoney:
    def test_of_pieces_goes_back_with_the_reason_as_its_note(self, client, paid):
        line = paid.lines.get()
        said = {"reason": "Torn.", "refund_reason": "damaged", f"line_{line.pk.hex}": 1}

        answer = client.post(act_of(paid, "refund"), said)

        assert answer.status_code == 302, shown(answer)
        refund = Refund.objects.get(order=paid)
        assert (refund.amount, refund.reason, refund.note) == (Decimal(10), "damaged", "Torn.")
        event = OrderEvent.objects.get(order=paid, type="refund.note")
        assert (event.is_internal, event.data["note"]) == (True, "Torn.")

    def test_of_an_amount_and_pieces_at_once_is_asked_again(self, client, paid):
        line = paid.lines.get()
        said = {"reason": "x", "refund_reason": "other", "amount": "1", f"line_{line.pk.hex}": 1}

        answer = client.post(act_of(paid, "refund"), said)

        assert "Say an amount, or pieces, or everything." in shown(answer)
        assert not Refund.objects.exists()

    @pytest.mark.parametrize("pieces", ["", "0"])
    def test_does_not_go_back_whole_because_nothing_was_said(self, client, paid, pieces):
        line = paid.lines.get()
        said = {"reason": "x", "refund_reason": "other", f"line_{line.pk.hex}": pieces}

        answer = client.post(act_of(paid, "refund"), said)

        assert "Say an amount, or pieces, or everything." in shown(answer)
        assert not Refund.objects.exists()

    def test_of_a_line_that_has_nothing_left_is_refused_however_old_the_page_is(
        self, client, buyer
    ):
        one, other = (make_product(price=price).only for price in ("10.00", "500.00"))
        paid = make_paid_order(buyer, [(one, 1), (other, 1)])
        line = paid.lines.get(variant=one)
        said = {"reason": "x", "refund_reason": "other", f"line_{line.pk.hex}": 1}

        first, again = (client.post(act_of(paid, "refund"), said) for _ in range(2))

        assert (first.status_code, again.status_code) == (302, 200)
        assert [refund.amount for refund in Refund.objects.all()] == [Decimal(10)]

    def test_beyond_what_was_captured_does_not_go_back(self, client, paid):
        said = {"reason": "x", "refund_reason": "other", "amount": "30.01"}

        answer = client.post(act_of(paid, "refund"), said)

        assert answer.status_code == 200
        assert not Refund.objects.exists()

    def test_has_the_digits_of_its_currency(self, client, paid):
        said = {"reason": "x", "refund_reason": "other", "amount": "1.001"}

        assert "EUR has 2 digits" in shown(client.post(act_of(paid, "refund"), said))

    def test_goes_back_whole_when_that_is_said(self, client, paid):
        said = {"reason": "All of it.", "refund_reason": "customer", "everything": "on"}

        client.post(act_of(paid, "refund"), said)

        assert Refund.objects.get(order=paid).amount == paid.captured


class TestWhatWasSeen:
    """A second click, and a decision about an order that is another by now."""

    def said(self, client, order, name, **fields):
        page = client.get(act_of(order, name))
        return {"reason": "x", "seen_state": seen_on(page), **fields}

    def test_of_two_clicks_one_gives_money_back(self, client, paid):
        said = self.said(client, paid, "refund", refund_reason="other", amount="10.00")

        answers = [client.post(act_of(paid, "refund"), said) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [302, 200]
        assert "since you opened this page" in shown(answers[1])
        assert 'value="10.00"' in shown(answers[1])
        assert Refund.objects.filter(order=paid).count() == 1

    def test_of_two_clicks_one_sends_a_parcel(self, client, paid):
        line = paid.lines.get()
        said = self.said(client, paid, "fulfil", **{f"line_{line.pk.hex}": 1})

        answers = [client.post(act_of(paid, "fulfil"), said) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [302, 200]
        assert Fulfilment.objects.filter(order=paid).count() == 1

    def test_a_refund_that_another_door_has_begun_is_one_that_was_not_seen(self, client, paid):
        said = self.said(client, paid, "refund", refund_reason="other", amount="10.00")
        refund_order(
            order_id=paid.pk,
            amount=Money(Decimal(10), "EUR"),
            lines=[],
            reason="other",
            actor=None,
            now=timezone.now(),
        )

        answer = client.post(act_of(paid, "refund"), said)

        assert "since you opened this page" in shown(answer)
        assert Refund.objects.filter(order=paid).count() == 1

    def test_a_row_that_was_written_is_another(self, client, paid):
        said = self.said(client, paid, "cancel", cancel_reason="fraud")
        paid.save(update_fields=["note"])

        assert "since you opened this page" in shown(client.post(act_of(paid, "cancel"), said))
        assert Order.objects.get(pk=paid.pk).status == "confirmed"

    def test_a_try_of_a_call_meanwhile_is_nothing_to_look_at_again(self, client, buyer):
        create_intent(
            order_id=make_order(buyer).pk,
            payment_method="sandbox_success",
            actor=buyer_of(buyer),
            now=timezone.now(),
        )
        call = ProviderCall.objects.get()
        url = f"/admin/orders/providercall/{call.pk}/act/give_up/"
        said = {"reason": "Gone.", "seen_state": seen_on(client.get(url))}
        ProviderCall.objects.filter(pk=call.pk).update(tries=7)

        assert [client.post(url, said).status_code for _ in range(2)] == [302, 200]


@pytest.mark.django_db(transaction=True)
def test_of_two_clicks_at_the_same_moment_one_gives_money_back(client, paid):
    """Neither has seen what the other is about to do; the second waits, and looks then."""
    page = client.get(act_of(paid, "refund"))
    said = {"reason": "x", "refund_reason": "other", "amount": "10", "seen_state": seen_on(page)}

    def click(_number=0):
        return client_of(User.objects.get(username="root")).post(act_of(paid, "refund"), said)

    answers = one_behind_the_other(click, click)

    assert sorted(answer.status_code for answer in answers) == [200, 302]
    assert Refund.objects.filter(order=paid).count() == 1


class TestCancelling:
    def test_says_why_in_the_timeline_and_in_the_trail(self, client, paid):
        said = {"reason": "Stolen card.", "cancel_reason": "fraud"}

        assert client.post(act_of(paid, "cancel"), said).status_code == 302

        paid.refresh_from_db()
        assert (paid.status, paid.cancel_reason) == ("cancelled", "fraud")
        event = OrderEvent.objects.filter(order=paid, type="order.cancelled").get()
        assert event.actor_name == "root"
        trail = AuditEntry.objects.filter(object_type="order", object_id=str(paid.pk))
        assert "orders.order.cancelled" in trail.values_list("action", flat=True)

    def test_of_an_order_of_which_a_parcel_left_is_refused(self, client, paid):
        client.post(act_of(paid, "fulfil"), {"reason": "All.", **all_of(paid)})

        answer = client.post(act_of(paid, "cancel"), {"reason": "x", "cancel_reason": "staff"})

        assert answer.status_code == 200
        assert Order.objects.get(pk=paid.pk).status == "completed"


class TestCoupons:
    URL = "/admin/orders/coupon/"

    def said(self, **values):
        return {
            "code": "spring",
            "kind": "percentage",
            "percentage": "10",
            "active": "on",
            **values,
        }

    def test_are_made_and_ended_by_the_service(self, client):
        made = client.post(f"{self.URL}add/", self.said())
        assert made.status_code == 302, shown(made)
        coupon = Coupon.objects.get()
        assert (coupon.code, coupon.percentage) == ("SPRING", Decimal(10))

        page = f"{self.URL}{coupon.pk}/change/"
        client.post(page, {"percentage": "10", "seen_version": coupon.row_version})
        coupon.refresh_from_db()
        assert coupon.active is False
        trail = AuditEntry.objects.filter(object_id=str(coupon.pk)).order_by("created_at")
        assert [entry.action.rpartition(".")[2] for entry in trail] == ["created", "changed"]

    def test_of_what_does_not_go_together_are_refused_on_the_form(self, client):
        answer = client.post(f"{self.URL}add/", self.said(percentage="", amount="5"))

        assert (answer.status_code, Coupon.objects.count()) == (200, 0)
        assert 'value="spring"' in shown(answer)

    def test_have_codes_that_can_be_typed(self, client):
        answer = client.post(f"{self.URL}add/", self.said(code="Frühling!"))

        assert "letters of A to Z" in shown(answer)
        assert not Coupon.objects.exists()

    def test_have_the_digits_of_their_currency(self, client):
        said = self.said(kind="fixed", percentage="", amount="5.001", currency="EUR")

        assert "is no amount of EUR" in shown(client.post(f"{self.URL}add/", said))
