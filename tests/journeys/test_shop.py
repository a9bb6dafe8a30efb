"""A third-party shop and a warehouse over HTTP: everything is sent twice, and happens once.

A buyer has lent an assistant's application a token; the shop's own warehouse calls with a key of
staff. Each write carries an Idempotency-Key and is repeated with it, as after an answer that was
lost. At the end stock, money and events are those of one order paid, sent and partly refunded, and
of one cancelled.
"""

import json

import pytest

from tests.harness.client import Client
from tests.journeys.shop_people import PASSWORD, Repeating, key_of, lend, made

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

OF_STAFF = ["catalog:write", "inventory:write", "orders:read", "orders:manage"]
SETTLED_WITHIN = 15  # seconds until the worker has given money back
PIECES = 10  # that the warehouse receives
CHECK = (
    "from django.utils import timezone;"
    "from apps.orders.services.reconciling import check_orders;"
    "from apps.products.services.stock.checking import check_stock;"
    "runs = [check(actor=None, now=timezone.now()) for check in (check_orders, check_stock)];"
    "import json;"
    "print('RUNS ' + json.dumps([[run.checked, run.drifted, run.findings] for run in runs]))"
)
EVENTS = [
    "order.created",
    "order.payment_failed",
    "order.confirmed",
    "order.paid",
    "order.processing",
    "order.fulfilled",
    "order.fulfilled",
    "order.completed",
    "order.delivered",
    "order.refunded",
]
EVENTS_OF_CANCELLED = [
    "order.created",
    "order.confirmed",
    "order.paid",
    "order.cancelled",
    "order.refunded",
]


@pytest.fixture
def serving(platform):
    platform._settings.update(PUBLIC_URL=platform.url)
    platform.start("web", "relay", "worker")
    platform.wait_ready()
    return platform


@pytest.fixture
def staff(serving):
    """The warehouse: an application of staff."""
    key = key_of(serving.client("admin", "admin"), "Warehouse", OF_STAFF)
    return Repeating(Client(serving.url, key))


@pytest.fixture
def assistant(serving):
    """The third party, acting for a buyer."""
    body = {"username": "ada", "password": PASSWORD}
    made(serving.client().post("/api/v1/register", body))
    return Repeating(Client(serving.url, lend(serving, "ada")))


@pytest.fixture
def lamp(staff):
    """A product with one variant, of which ten lie in a warehouse."""
    staff.post("/warehouses", {"code": "harbour", "name": "Harbour"})
    product = staff.post(
        "/products",
        {
            "name": "Storm lantern",
            "status": "active",
            "variants": [{"sku": "LANTERN-1", "price": {"amount": "40.00", "currency": "EUR"}}],
        },
    )
    received = {"sku": "LANTERN-1", "warehouse": "harbour", "delta": PIECES, "reason": "received"}
    staff.post("/stock/adjustments", received)
    return product


def stock_of(staff):
    """Pieces on hand and reserved, of the lantern."""
    (row,) = [
        row for row in staff.get("/stock?sku=LANTERN-1")["results"] if row["sku"] == "LANTERN-1"
    ]
    return (row["on_hand"], row["reserved"])


def amounts(order):
    return {name: order[name]["amount"] for name in ("captured", "refunded")}


def buy(assistant, product, quantity):
    """An order of some pieces, at the price that was shown."""
    item = {"product_id": product["id"], "quantity": quantity}
    return assistant.post("/orders", {"items": [item]})


class TestShop:
    def test_every_step_sent_twice_happens_once(self, serving, staff, assistant, lamp):
        (found,) = assistant.get("/products?search=lantern")["results"]
        assert found["id"] == lamp["id"]

        order = buy(assistant, found, 3)
        order_id, (line,) = order["id"], order["items"]
        total = order["totals"]["total"]
        assert (order["status"], stock_of(staff)) == ("pending", (PIECES, 3))

        payment = self.pay_at_the_second_try(assistant, order)
        order = self.wait_for(serving, assistant, order_id, status="confirmed")
        assert payment["status"] == "succeeded"
        assert amounts(order) == {"captured": total["amount"], "refunded": "0.00"}

        parcels = self.send(staff, order_id, line)
        order = assistant.get(f"/orders/{order_id}")
        assert (order["status"], order["fulfilment_status"]) == ("completed", "fulfilled")
        assert stock_of(staff) == (PIECES - 3, 0)
        staff.post(f"/orders/{order_id}/fulfilments/{parcels[0]['id']}/deliver", status=200)

        review = {"rating": 5, "body": "Burns in any weather."}
        assert assistant.post(f"/products/{lamp['id']}/reviews", review)["rating"] == 5

        refund = self.refund_a_piece(staff, order_id, line)
        order = self.wait_for(serving, assistant, order_id, payment_status="partially_refunded")
        assert amounts(order) == {
            "captured": total["amount"],
            "refunded": refund["amount"]["amount"],
        }
        assert order["fulfilment_status"] == "partially_returned"
        assert stock_of(staff) == (PIECES - 2, 0)

        cancelled = self.buy_and_cancel(serving, assistant, found)
        assert stock_of(staff) == (PIECES - 2, 0)

        self.check_events(serving, assistant, order_id, cancelled)
        self.check_books(serving, order_id, cancelled)
        assert (assistant.repeated, staff.repeated) == (7, 7)

    def pay_at_the_second_try(self, assistant, order):
        path = f"/orders/{order['id']}/payments"
        declined = assistant.post(path, {"payment_method": "sandbox_declined"})
        assert declined["status"] == "requires_payment_method"
        assert declined["last_error"]["code"] == "insufficient_funds"
        return assistant.post(
            f"{path}/{declined['id']}/confirm", {"payment_method": "sandbox_success"}, status=200
        )

    def send(self, staff, order_id, line):
        path = f"/orders/{order_id}/fulfilments"
        first = staff.post(
            path, {"lines": [{"line_id": line["id"], "quantity": 1}], "carrier": "Pigeon"}
        )
        assert staff.get(f"/orders/{order_id}")["fulfilment_status"] == "partially_fulfilled"
        rest = staff.post(path)
        assert [parcel["lines"][0]["quantity"] for parcel in (first, rest)] == [1, 2]
        return first, rest

    def refund_a_piece(self, staff, order_id, line):
        piece = {"line_id": line["id"], "quantity": 1, "restock": True}
        return staff.post(f"/orders/{order_id}/refunds", {"lines": [piece], "reason": "damaged"})

    def buy_and_cancel(self, serving, assistant, product):
        order = buy(assistant, product, 2)
        path = f"/orders/{order['id']}"
        paid = assistant.post(f"{path}/payments", {"payment_method": "sandbox_success"})
        assert paid["status"] == "succeeded"
        cancelled = assistant.post(f"{path}/cancel", {"reason": "customer"}, status=200)
        assert cancelled["status"] == "cancelled"
        refunded = self.wait_for(serving, assistant, order["id"], payment_status="refunded")
        assert amounts(refunded) == dict.fromkeys(
            ("captured", "refunded"), order["totals"]["total"]["amount"]
        )
        return order["id"]

    def wait_for(self, serving, assistant, order_id, **wanted):
        orders = []

        def is_so():
            orders.append(assistant.get(f"/orders/{order_id}"))
            return wanted.items() <= orders[-1].items()

        assert serving.wait_until(is_so, seconds=SETTLED_WITHIN), orders[-1]
        return orders[-1]

    def check_events(self, serving, assistant, order_id, cancelled):
        """Each once, in the order of what happened, as an application pulls them."""

        def types(of):
            rows = assistant.get("/events?limit=100&object_type=order")["results"]
            mine = [row for row in rows if row["object"]["id"] == of]
            return [row["type"] for row in sorted(mine, key=lambda row: row["object"]["sequence"])]

        assert serving.wait_until(
            lambda: (types(order_id), types(cancelled)) == (EVENTS, EVENTS_OF_CANCELLED),
            seconds=SETTLED_WITHIN,
        ), (types(order_id), types(cancelled))

    def check_books(self, serving, order_id, cancelled):
        """Ours and the bank's agree, and nothing was done twice."""
        said = serving.manage("shell", "--no-imports", "-c", CHECK)
        (runs,) = [line for line in said.splitlines() if line.startswith("RUNS ")]
        assert json.loads(runs.removeprefix("RUNS ")) == [[2, 0, []], [self.stocks(serving), 0, []]]
        counts = {
            table: serving.sql(f"SELECT count(*) FROM {table}")[0][0]
            for table in (
                "orders_paymentintent",
                "orders_refund",
                "orders_fulfilment",
                "orders_sandboxcharge",
                "products_review",
            )
        }
        assert counts == {
            "orders_paymentintent": 2,
            "orders_refund": 2,
            "orders_fulfilment": 2,
            "orders_sandboxcharge": 2,
            "products_review": 1,
        }
        (bank,) = serving.sql("SELECT sum(captured), sum(refunded) FROM orders_sandboxcharge")
        (ours,) = serving.sql(
            "SELECT sum(captured), sum(refunded) FROM orders_order WHERE id IN (%s, %s)",
            (order_id, cancelled),
        )
        assert bank == ours

    def stocks(self, serving):
        return serving.sql("SELECT count(*) FROM products_stock")[0][0]
