"""The shop as staff see it, in a headless Chromium: light, dark, two widths.

As tests/browser/test_pages.py: `make test-browser`, pictures in the folder of BROWSER_PICTURES.
"""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.orders.models import Cart
from apps.products.models import Purchase, Review, Stock, StockCheck
from core.ids import uuid7
from tests.factories.accounts import UserFactory
from tests.factories.fulfilments import make_paid_order, send
from tests.factories.orders import ADDRESS, make_coupon, make_order
from tests.factories.products import make_category, make_product, make_variant, make_warehouse

WIDTHS = (1440, 900)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]


@pytest.fixture
def staged(client):
    """A product that sells, orders in several states, a coupon, a cart; a login."""
    admin = User.objects.create_superuser("ada", password="x" * 20)
    alice = UserFactory(username="alice")
    product = sold_product(alice)
    coupon = make_coupon("WELCOME")
    sent = make_paid_order(
        alice, [(product.only, 3)], coupon="WELCOME", shipping_address=ADDRESS, note="At the back."
    )
    send(sent, admin, 2, carrier="DHL", tracking_number="JD0001")
    pending = make_order(alice, [(product.only, 1)])
    cart = Cart.objects.create(user=alice, currency="EUR", expires_at=timezone.now())
    cart.lines.create(variant=product.only, quantity=2, price_seen="19.99")
    client.force_login(admin)
    rows = SimpleNamespace(
        product=product, coupon=coupon, sent=sent, pending=pending, cart=cart, check=checked()
    )
    return SimpleNamespace(session=client.cookies["sessionid"].value, pages=pages_of(rows))


def sold_product(buyer):
    above = make_category("Clothes")
    product = make_product(
        "Plain tee",
        price="19.99",
        stock=40,
        sku="TEE-RED-M",
        options={"colour": "red", "size": "M"},
        compare_at_price="24.99",
        category=make_category("Shirts", parent=above),
        description="Soft, and made to last.",
        attributes={"material": "cotton", "washable": True},
        rating_sum=9,
        rating_count=2,
        rating="4.50",
    )
    make_variant(product, sku="TEE-RED-L", price="21.99", stock=0, options={"size": "L"})
    make_variant(product, sku="TEE-BLUE-M", price="19.99", stock=None, options={"size": "M"})
    Stock.objects.create(variant=product.only, warehouse=make_warehouse("north"), backorder=True)
    Review.objects.create(
        product=product, author=buyer, rating=5, title="Fits", body="As it should <b>fit</b>."
    )
    for days in range(20):
        Purchase.objects.create(
            product=product,
            buyer=buyer,
            order_line_id=uuid7(),
            quantity=1 + days * 7 % 5,
            purchased_at=timezone.now() - timedelta(days=days),
        )
    return product


def checked():
    findings = [{"sku": "TEE-RED-M", "reserved": 4, "should_be": 3}]
    return StockCheck.objects.create(checked=120, drifted=1, findings=findings)


def change(row):
    options = row._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])


def act(row, name):
    options = row._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_act", args=[row.pk, name])


def pages_of(rows):
    """Name and path of each page."""
    stock = Stock.objects.filter(variant=rows.product.only).order_by("id").first()
    return {
        "shop-index": reverse("admin:index"),
        "shop-products": reverse("admin:products_product_changelist"),
        "shop-product": change(rows.product),
        "shop-product-add": reverse("admin:products_product_add"),
        "shop-categories": reverse("admin:products_category_changelist"),
        "shop-stocks": reverse("admin:products_stock_changelist"),
        "shop-stock": change(stock),
        "shop-adjust": act(stock, "adjust"),
        "shop-check": change(rows.check),
        "shop-orders": reverse("admin:orders_order_changelist"),
        "shop-order": change(rows.sent),
        "shop-order-pending": change(rows.pending),
        "shop-send": act(rows.sent, "fulfil"),
        "shop-refund": act(rows.sent, "refund"),
        "shop-cancel": act(rows.pending, "cancel"),
        "shop-coupon": change(rows.coupon),
        "shop-cart": change(rows.cart),
    }


class TestShopPages:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", WIDTHS)
    def test_fit_their_window_and_nothing_is_blocked(self, staged, visit, width, scheme):
        shown = {
            name: visit(path, session=staged.session, name=name, width=width, scheme=scheme)
            for name, path in staged.pages.items()
        }

        assert "Sold by day" in shown["shop-product"]
        assert "<b>fit</b>" in shown["shop-product"]  # what buyers write is text
        assert "Where it stands" in shown["shop-order"]
        assert "TEE-RED-M" in shown["shop-send"]
