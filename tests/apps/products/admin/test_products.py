"""The page of a product: edited with its variants, by the rules of the API; its stock beside it."""

import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.products.models import Category, PriceChange, Product, Stock, StockMovement, Variant
from core.models import AuditEntry
from tests.factories.accounts import UserFactory
from tests.factories.products import make_category, make_product, make_variant, make_warehouse

pytestmark = pytest.mark.django_db

PRODUCTS = "/admin/products/product/"
CATEGORIES = "/admin/products/category/"


@pytest.fixture
def client():
    return client_of(User.objects.create_superuser("root", password="x" * 20))


@pytest.fixture
def looker():
    user = UserFactory(username="looker", staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="products", codename__startswith="view")
    )
    return client_of(user)


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def page_of(product):
    return f"{PRODUCTS}{product.pk}/change/"


def form_of(response):
    """What a browser would send of the page's form when nothing is typed."""
    form = response.context["adminform"].form
    said = {name: value_of(form[name]) for name in form.fields}
    for inline in response.context["inline_admin_formsets"]:
        formset = inline.formset
        management = formset.management_form
        said |= {
            management.add_prefix(name): management[name].value() for name in management.fields
        }
        for line in formset.forms:
            said |= {line.add_prefix(name): value_of(line[name]) for name in line.fields}
    return {name: value for name, value in said.items() if value is not None and value is not False}


def value_of(bound):
    value = bound.value()
    if isinstance(value, dict):
        return bound.field.prepare_value(value)
    return "on" if value is True else value


def errors_of(response):
    text = response.content.decode()
    return re.sub(
        r"<[^>]+>", " ", " ".join(re.findall(r"errorlist[^>]*>.*?</ul>", text, re.DOTALL))
    )


def line_of(said, number, **values):
    """A line of the variants' table."""
    return {**said, **{f"variants-{number}-{name}": value for name, value in values.items()}}


class TestAProduct:
    def test_is_changed_with_its_variant_by_the_services_of_the_api(self, client):
        product = make_product(price="19.99", sku="TEE-1")
        said = form_of(client.get(page_of(product)))

        said = {**said, "name": "Better tee"}
        answer = client.post(page_of(product), line_of(said, 0, price="17.50"))

        assert answer.status_code == 302
        product.refresh_from_db()
        assert (product.name, product.price_min) == ("Better tee", Decimal("17.5"))
        prices = PriceChange.objects.filter(variant__sku="TEE-1").order_by("id")
        assert [change.price for change in prices][-1] == Decimal("17.5")
        assert prices.last().changed_by.username == "root"
        actions = AuditEntry.objects.filter(object_id=str(product.pk)).values_list(
            "action", flat=True
        )
        assert "products.product.changed" in actions

    def test_that_nobody_touched_stays_as_it_was(self, client):
        product = make_product()
        versions = Product.objects.values("row_version"), Variant.objects.values("row_version")
        before = [list(rows) for rows in versions]

        client.post(page_of(product), form_of(client.get(page_of(product))))

        assert [list(rows.all()) for rows in versions] == before
        assert PriceChange.objects.count() == 1

    def test_is_made_with_its_variants_and_goes_on_sale_at_once(self, client):
        said = form_of(client.get(f"{PRODUCTS}add/"))
        said |= {"name": "New mug", "slug": "new-mug", "status": "active", "attributes": "{}"}
        said["variants-TOTAL_FORMS"] = "1"
        said = line_of(said, 0, sku="MUG-1", price="8.00", currency="EUR", active="on")
        said = line_of(
            said, 0, options="{}", tax_class="standard", weight_grams="300", position="0"
        )

        answer = client.post(f"{PRODUCTS}add/", said)

        assert answer.status_code == 302, errors_of(answer)
        product = Product.objects.get(slug="new-mug")
        assert (product.status, product.price_min) == ("active", Decimal(8))
        assert Variant.objects.get(product=product).sku == "MUG-1"

    def test_without_a_variant_does_not_go_on_sale_and_no_word_is_lost(self, client):
        said = form_of(client.get(f"{PRODUCTS}add/"))
        said |= {"name": "Nothing", "slug": "nothing", "status": "active", "attributes": "{}"}

        answer = client.post(f"{PRODUCTS}add/", said)

        assert answer.status_code == 200
        assert "variant" in errors_of(answer)
        assert 'value="Nothing"' in answer.content.decode()
        assert Product.objects.count() == 0

    def test_that_somebody_else_changed_meanwhile_is_not_overwritten(self, client):
        product = make_product(name="Old")
        said = form_of(client.get(page_of(product)))
        Product.objects.filter(pk=product.pk).update(description="Theirs.")

        answer = client.post(page_of(product), {**said, "name": "Mine"})

        assert "Somebody has changed it" in errors_of(answer)
        product.refresh_from_db()
        assert (product.name, product.description) == ("Old", "Theirs.")

    def test_refuses_a_price_that_its_currency_has_not(self, client):
        product = make_product(price="5.00")
        said = form_of(client.get(page_of(product)))

        answer = client.post(page_of(product), line_of(said, 0, price="5.001"))

        assert "is no amount of EUR" in errors_of(answer)
        assert Variant.objects.get().price == Decimal(5)

    def test_refuses_a_sku_that_is_taken_whatever_its_case(self, client):
        make_product(sku="TAKEN")
        product = make_product(sku="MINE")
        said = form_of(client.get(page_of(product)))

        answer = client.post(page_of(product), line_of(said, 0, sku="taken"))

        assert answer.status_code == 200
        assert Variant.objects.filter(sku="MINE").count() == 1

    def test_takes_emptied_documents_for_empty_ones(self, client):
        product = make_product(attributes={"material": "cotton"}, options={"size": "M"})
        said = form_of(client.get(page_of(product)))

        answer = client.post(page_of(product), line_of({**said, "attributes": ""}, 0, options=""))

        assert answer.status_code == 302, errors_of(answer)
        product.refresh_from_db()
        assert (product.attributes, product.variants.get().options) == ({}, {})

    @pytest.mark.parametrize(
        "text", ['{"a": "\\ud800"}', "[" * 3000, '{"a": 1, "a": 2}', "{", "NaN"]
    )
    def test_refuses_documents_as_the_api_refuses_them(self, client, text):
        product = make_product()
        said = form_of(client.get(page_of(product)))

        answer = client.post(page_of(product), {**said, "attributes": text})

        assert answer.status_code == 200
        assert errors_of(answer).strip()
        product.refresh_from_db()
        assert product.attributes == {}

    def test_of_a_hundred_variants_is_saved(self, client):
        product = make_product()
        numbers = range(99)
        Variant.objects.bulk_create(
            Variant(product=product, sku=f"MANY-{n}", price=5, currency="EUR") for n in numbers
        )
        said = form_of(client.get(page_of(product)))

        answer = client.post(page_of(product), {**said, "name": "Many"})

        assert answer.status_code == 302, errors_of(answer)
        assert Product.objects.get().name == "Many"

    def test_is_only_shown_to_who_may_only_look(self, looker):
        product = make_product()

        assert looker.get(page_of(product)).status_code == 200
        assert "/act/" not in looker.get(page_of(product)).content.decode()
        assert looker.post(page_of(product), {"name": "Mine"}).status_code == 403

    def test_takes_no_more_queries_with_more_variants_and_stock(self, client):
        small, large = make_product(), make_product()
        for _ in range(4):
            make_variant(large, stock=3)

        counts = []
        for product in (small, small, large):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                client.get(page_of(product))
            counts.append(len(queries))

        assert counts[1] == counts[2]


class TestStock:
    def test_is_shown_with_buttons_by_warehouse(self, client):
        product = make_product(stock=7)
        stock = Stock.objects.get(variant__product=product)

        page = client.get(page_of(product)).content.decode()

        assert f"/admin/products/stock/{stock.pk}/act/adjust/" in page
        assert "7 available" in page

    def test_of_a_variant_that_lies_nowhere_can_be_received(self, client):
        product, place = make_product(stock=None), make_warehouse()
        variant = product.only
        url = f"/admin/products/variant/{variant.pk}/act/receive/"
        assert url in client.get(page_of(product)).content.decode()

        client.post(url, {"reason": "Delivery 7.", "warehouse": place.pk, "pieces": 5})

        assert Stock.objects.get(variant=variant).on_hand == 5
        movement = StockMovement.objects.get(stock__variant=variant)
        assert (movement.reason, movement.on_hand_change, movement.note) == (
            "received",
            5,
            "Delivery 7.",
        )

    def test_is_received_once_however_often_the_page_is_sent(self, client):
        product, place = make_product(stock=None), make_warehouse()
        url = f"/admin/products/variant/{product.only.pk}/act/receive/"
        said = {"reason": "Delivery 7.", "warehouse": place.pk, "pieces": 5}

        assert [client.post(url, said).status_code for _ in range(2)] == [302, 200]

        assert Stock.objects.get(variant=product.only).on_hand == 5

    def test_is_received_by_who_may_change_stock_and_nobody_else(self):
        product, place = make_product(stock=None), make_warehouse()
        url = f"/admin/products/variant/{product.only.pk}/act/receive/"
        said = {"reason": "x", "warehouse": place.pk, "pieces": 5}
        statuses = {}
        for table in ("variant", "stock"):
            user = UserFactory(username=f"of-{table}", staff=True)
            user.user_permissions.set(
                Permission.objects.filter(codename__in=[f"change_{table}", "view_variant"])
            )
            statuses[table] = client_of(user).post(url, said).status_code

        assert statuses == {"variant": 403, "stock": 302}

    def test_keeps_what_somebody_else_has_ruled_meanwhile(self, client):
        stock = Stock.objects.get(variant=make_product(stock=7).only)
        url = f"/admin/products/stock/{stock.pk}/act/set_rules/"
        Stock.objects.filter(pk=stock.pk).update(backorder=True)
        said = {"reason": "x", "safety": 1, "initial-safety": 0}

        client.post(url, said)

        stock.refresh_from_db()
        assert (stock.safety, stock.backorder) == (1, True)

    def test_lies_at_places_whose_code_the_api_would_take(self, client):
        said = {"code": "Main_WH-", "name": "Main", "priority": "0", "active": "on"}

        answer = client.post("/admin/products/warehouse/add/", said)

        assert "Small letters and digits" in errors_of(answer)

    def test_is_adjusted_from_the_number_that_was_seen(self, client):
        stock = Stock.objects.get(variant=make_product(stock=7).only)
        url = f"/admin/products/stock/{stock.pk}/act/adjust/"
        said = {"reason": "Counted.", "because": "counted", "counted": 9, "expected": 7}

        assert client.post(url, said).status_code == 302
        assert client.post(url, said).status_code == 200  # 9 lie there now, not 7

        stock.refresh_from_db()
        assert stock.on_hand == 9

    def test_is_ruled_anew(self, client):
        stock = Stock.objects.get(variant=make_product(stock=7).only)
        url = f"/admin/products/stock/{stock.pk}/act/set_rules/"

        client.post(url, {"reason": "Christmas.", "safety": 2, "backorder": "on"})

        stock.refresh_from_db()
        assert (stock.safety, stock.backorder) == (2, True)


class TestCategories:
    def test_are_made_and_moved_by_the_service(self, client):
        above, other = make_category("Clothes"), make_category("Sale")
        said = form_of(client.get(f"{CATEGORIES}add/"))

        made = client.post(
            f"{CATEGORIES}add/",
            {**said, "name": "Hats", "slug": "hats", "parent": above.pk, "position": "0"},
        )
        assert made.status_code == 302, errors_of(made)
        hats = Category.objects.get(slug="hats")
        assert hats.lineage == [above.pk, hats.pk]

        page = f"{CATEGORIES}{hats.pk}/change/"
        client.post(page, {**form_of(client.get(page)), "parent": other.pk})
        hats.refresh_from_db()
        assert hats.lineage == [other.pk, hats.pk]

    def test_in_which_something_lies_are_not_deleted(self, client):
        category = make_category("Full")
        make_product(category=category)

        answer = client.post(f"{CATEGORIES}{category.pk}/act/remove/", {"reason": "Tidy."})

        assert "1 products in it" in answer.content.decode()
        assert Category.objects.count() == 1
