"""What each row of an imported file does, says and leaves alone."""

from decimal import Decimal

import pytest

from apps.products.models import (
    PriceChange,
    Product,
    Stock,
    StockMovement,
    Variant,
)
from core.models import AuditEntry, OutboxEvent
from tests.factories.developers import make_application
from tests.factories.imports import a_row, csv_of, imported, report
from tests.factories.products import (
    make_category,
    make_product,
    make_stock,
    make_variant,
    make_warehouse,
)

pytestmark = pytest.mark.django_db


class TestNewRows:
    def test_make_a_product_with_all_that_they_say(self, bob):
        shirts = make_category("Shirts", slug="shirts")
        make_warehouse("main")

        row = imported(
            bob,
            csv_of(
                a_row(
                    **{
                        "description": 'Says "hello",\nin two lines.',
                        "category": "shirts",
                        "status": "active",
                        "variant_name": "Red, M",
                        "compare_at_price": "25",
                        "weight_grams": "180",
                        "tax_class": "reduced",
                        "track_inventory": "TRUE",
                        "active": "true",
                        "option.colour": "red",
                        "option.size": "M",
                        "attribute.organic": "true",
                        "attribute.weight": "1.5",
                        "attribute.code": '"007"',
                        "attribute.wash": "30 °C",
                        "stock.main": "12",
                    }
                )
            ),
        )

        assert report(row) == [(2, "created")]
        product, variant = Product.objects.get(), Variant.objects.get()
        assert (product.slug, product.name, product.status) == ("plain-tee", "Plain tee", "active")
        assert product.description == 'Says "hello",\nin two lines.'
        assert product.category == shirts
        assert product.attributes == {
            "organic": True,
            "weight": 1.5,
            "code": "007",
            "wash": "30 °C",
        }
        assert (variant.sku, variant.name, variant.price) == ("TEE-1", "Red, M", Decimal("19.99"))
        assert variant.options == {"colour": "red", "size": "M"}
        assert (variant.compare_at_price, variant.currency) == (Decimal(25), "EUR")
        assert (variant.weight_grams, variant.tax_class) == (180, "reduced")
        assert (product.price_min, product.currency) == (Decimal("19.99"), "EUR")
        assert Stock.objects.get().on_hand == 12
        movement = StockMovement.objects.get()
        assert (movement.reason, movement.on_hand_change) == ("imported", 12)
        assert movement.actor_id == bob.pk
        assert PriceChange.objects.get().changed_by == bob

    def test_of_one_product_are_its_variants(self, bob):
        row = imported(bob, csv_of(a_row("A"), a_row("B"), a_row("C", product="cap", name="Cap")))

        assert report(row) == [(2, "created"), (3, "created"), (4, "created")]
        assert list(Variant.objects.order_by("sku").values_list("sku", "product__slug")) == [
            ("A", "plain-tee"),
            ("B", "plain-tee"),
            ("C", "cap"),
        ]

    def test_a_variant_lets_its_product_become_active(self, bob):
        make_product(slug="plain-tee", status="draft", price=None)

        row = imported(bob, csv_of(a_row(status="active")))

        assert report(row) == [(2, "created")]
        assert Product.objects.get().status == "active"

    def test_without_a_sku_are_of_a_product_alone(self, bob):
        row = imported(bob, "product,name\nplain-tee,Plain tee\n")

        assert report(row) == [(2, "created")]
        assert Product.objects.get().status == "draft"
        assert not Variant.objects.exists()

    def test_are_audited_in_the_name_of_whoever_uploaded_them(self, bob):
        imported(bob, csv_of(a_row()))

        actions = set(AuditEntry.objects.filter(actor_id=bob.pk).values_list("action", flat=True))
        assert actions == {"products.product.created", "products.product_import.submitted"}

    def test_are_audited_with_the_application_that_uploaded_them(self, bob):
        application = make_application(bob)

        imported(bob, csv_of(a_row()), application=application)

        entry = AuditEntry.objects.get(action="products.product.created")
        told = OutboxEvent.objects.get(type="product_import.completed")
        assert (entry.actor_id, entry.application_id) == (bob.pk, application.pk)
        assert (told.account_id, told.application_id) == (bob.pk, application.pk)

    def test_cells_that_look_like_formulas_are_text(self, bob):
        cells = {"name": "'=1+1", "description": "=HYPERLINK()", "attribute.note": "''@x"}

        imported(bob, csv_of(a_row(**cells)))

        product = Product.objects.get()
        assert (product.name, product.description) == ("=1+1", "=HYPERLINK()")
        assert product.attributes == {"note": "'@x"}


class TestKnownRows:
    @pytest.fixture
    def tee(self, db):
        return make_product(
            "Plain tee",
            slug="plain-tee",
            sku="TEE-1",
            attributes={"wash": "30"},
            options={"size": "M"},
            compare_at_price="25",
            stock=None,
        )

    def test_change_what_they_say_and_nothing_else(self, bob, tee):
        row = imported(
            bob,
            "sku,price,name,description,attribute.fit,option.colour\nTEE-1,17.50,,,slim,red\n",
        )

        assert report(row) == [(2, "updated")]
        product, variant = Product.objects.get(), Variant.objects.get()
        assert (variant.price, variant.compare_at_price) == (Decimal("17.5"), Decimal(25))
        assert (product.name, product.description) == ("Plain tee", "")
        assert product.attributes == {"wash": "30", "fit": "slim"}
        assert variant.options == {"size": "M", "colour": "red"}
        assert PriceChange.objects.count() == 2

    def test_that_say_what_is_so_already_leave_no_trace(self, bob, tee):
        text = csv_of(a_row(compare_at_price="25.00", **{"attribute.wash": '"30"'}))
        versions = [Product.objects.get().row_version, Variant.objects.get().row_version]

        row = imported(bob, text)

        assert report(row) == [(2, "unchanged")]
        assert [Product.objects.get().row_version, Variant.objects.get().row_version] == versions
        assert PriceChange.objects.count() == 1

    def test_know_their_sku_in_any_case(self, bob, tee):
        assert report(imported(bob, "sku,price\ntee-1,5\n")) == [(2, "updated")]
        assert Variant.objects.get().price == 5

    def test_may_archive_the_product_and_its_last_variant_together(self, bob, tee):
        row = imported(bob, "sku,status,active\nTEE-1,archived,false\n")

        assert report(row) == [(2, "updated")]
        assert (Product.objects.get().status, Variant.objects.get().active) == ("archived", False)

    def test_that_name_the_variant_wrongly_say_its_column(self, bob, tee):
        row = imported(bob, "sku,variant_name\nTEE-1,a\tb\n")

        assert report(row) == [(2, "failed", ("variant_name", "forbidden_character"))]

    def test_text_becomes_a_number_where_the_cell_is_one(self, bob, tee):
        row = imported(bob, "product,attribute.wash\nplain-tee,30\n")

        assert report(row) == [(2, "updated")]
        assert Product.objects.get().attributes == {"wash": 30}

    def test_a_number_becomes_true_where_the_cell_says_so_once(self, bob, tee):
        Product.objects.update(attributes={"wet": 1})
        text = "product,attribute.wet\nplain-tee,true\n"

        assert report(imported(bob, text)) == [(2, "updated")]
        assert report(imported(bob, text)) == [(2, "unchanged")]
        assert Product.objects.get().attributes["wet"] is True

    def test_a_new_currency_needs_its_price(self, bob, tee):
        row = imported(bob, "sku,currency,price\nTEE-1,USD,\n")
        other = imported(bob, "sku,currency,price\nTEE-1,USD,30\n")

        assert report(row) == [(2, "failed", ("price", "required"))]
        assert report(other) == [(2, "updated")]
        assert Variant.objects.get().currency == "USD"

    def test_count_stock_by_the_ledger(self, bob, tee):
        north, main = make_warehouse("north"), make_warehouse("main")
        make_stock(tee.only, on_hand=5, warehouse=main)

        text = "sku,stock.main,expected.main,stock.north\nTEE-1,9,5,2\n"

        first, again = imported(bob, text), imported(bob, text)

        assert (report(first), report(again)) == ([(2, "updated")], [(2, "unchanged")])
        levels = dict(Stock.objects.values_list("warehouse", "on_hand"))
        assert levels == {north.pk: 2, main.pk: 9}
        moves = StockMovement.objects.filter(reason="imported").order_by("id")
        assert list(moves.values_list("on_hand_change", flat=True)) == [4, 2]

    def test_stock_that_is_promised_cannot_be_counted_away(self, bob, tee):
        make_stock(tee.only, on_hand=5, reserved=4)

        row = imported(bob, "sku,price,stock.main,expected.main\nTEE-1,5,3,5\n")

        assert report(row) == [(2, "failed", ("stock.main", "stock_conflict"))]
        assert Variant.objects.get().price == Decimal("19.99")  # all of the row was undone
        assert Stock.objects.get().on_hand == 5

    @pytest.mark.parametrize(
        ("cells", "fault"),
        [
            ("10,", ("expected.main", "required")),
            ("10,9", ("stock.main", "stock_conflict")),
            ("10,x", ("expected.main", "invalid_number")),
        ],
        ids=["nobody knows what was there", "something else was there", "no number"],
    )
    def test_stock_that_was_sold_meanwhile_is_not_put_back(self, bob, tee, cells, fault):
        make_stock(tee.only, on_hand=4)

        row = imported(bob, f"sku,stock.main,expected.main\nTEE-1,{cells}\n")

        assert report(row) == [(2, "failed", fault)]
        assert Stock.objects.get().on_hand == 4

    def test_stock_needs_nothing_beside_it_where_none_ever_lay(self, bob, tee):
        make_warehouse("main")

        assert report(imported(bob, "sku,stock.main\nTEE-1,4\n")) == [(2, "updated")]
        assert report(imported(bob, "sku,stock.main\nTEE-1,4\n")) == [(2, "unchanged")]
        assert report(imported(bob, "sku,stock.main\nTEE-1,5\n")) == [
            (2, "failed", ("expected.main", "required"))
        ]
        assert Stock.objects.get().on_hand == 4

    def test_stock_that_the_file_leaves_as_it_was_says_nothing(self, bob, tee):
        make_stock(tee.only, on_hand=4)

        row = imported(bob, "sku,price,stock.main,expected.main\nTEE-1,5,10,10\n")

        assert report(row) == [(2, "updated")]
        assert Variant.objects.get().price == 5
        assert Stock.objects.get().on_hand == 4

    def test_stock_that_another_brings_at_this_moment_is_not_overwritten(
        self, bob, tee, monkeypatch
    ):
        from apps.products.services.imports import applying

        make_warehouse("main")
        real = applying.adjust_stock

        def adjust(**options):
            make_stock(tee.only, on_hand=7)
            return real(**options)

        monkeypatch.setattr(applying, "adjust_stock", adjust)

        row = imported(bob, "sku,stock.main\nTEE-1,4\n")

        assert report(row) == [(2, "failed", ("stock.main", "stock_conflict"))]


FAILING = {
    "price": ({"price": "19,99"}, ("price", "invalid_amount")),
    "nan": ({"price": "NaN"}, ("price", "invalid_amount")),
    "exponent": ({"price": "1e3"}, ("price", "invalid_amount")),
    "negative": ({"price": "-1"}, ("price", "invalid_amount")),
    "digits": ({"price": "19.999"}, ("price", "invalid_amount")),
    "no price": ({"price": ""}, ("price", "required")),
    "no currency": ({"currency": ""}, ("currency", "required")),
    "currency": ({"currency": "EURO"}, ("currency", "unknown_currency")),
    "no name": ({"name": ""}, ("name", "required")),
    "long name": ({"name": "x" * 201}, ("name", "max_length")),
    "no product": ({"product": ""}, ("product", "required")),
    "slug": ({"product": "Plain Tee"}, ("product", "invalid_slug")),
    "sku": ({"sku": "-=1"}, ("sku", "invalid_sku")),
    "no sku": ({"sku": ""}, ("sku", "required")),
    "status": ({"status": "on sale"}, ("status", "invalid_choice")),
    "nothing to sell": ({"status": "active", "active": "no"}, ("active", "invalid_boolean")),
    "category": ({"category": "none"}, ("category", "category_not_found")),
    "compare": ({"compare_at_price": "19.99"}, ("compare_at_price", "not_above_price")),
    "weight": ({"weight_grams": "1.5"}, ("weight_grams", "invalid_number")),
    "tax": ({"tax_class": "Full Rate"}, ("tax_class", "invalid_tax_class")),
    "variant name": ({"variant_name": "a\tb"}, ("variant_name", "forbidden_character")),
    "attribute": ({"attribute.a": "x" * 501}, ("attribute.a", "max_length")),
    "option": ({"option.b/c": "x" * 201}, ("option.b/c", "max_length")),
    "stock": ({"stock.main": "-1"}, ("stock.main", "invalid_number")),
}


class TestRowsThatFail:
    def test_each_alone_and_with_its_column(self, bob):
        make_warehouse("main")
        names = dict.fromkeys(name for cells, _ in FAILING.values() for name in cells)
        rows = [
            dict.fromkeys(names, "") | a_row(f"S-{number}", product=f"p-{number}") | cells
            for number, (cells, _) in enumerate(FAILING.values())
        ]
        good = dict.fromkeys(names, "") | a_row("GOOD", product="good")

        row = imported(bob, csv_of(good, *rows, good | {"sku": "GOOD-2"}))

        told = report(row)
        assert told[0] == (2, "created")
        assert told[-1] == (len(FAILING) + 3, "created")
        assert {name: line[2] for name, line in zip(FAILING, told[1:-1], strict=True)} == {
            name: fault for name, (_, fault) in FAILING.items()
        }
        assert row.state == "partially_succeeded"
        assert (row.created, row.failed) == (2, len(FAILING))
        assert set(Product.objects.values_list("slug", flat=True)) == {"good"}

    def test_say_every_cell_that_cannot_be_read(self, bob):
        row = imported(bob, csv_of(a_row(price="x", weight_grams="y", active="z")))

        assert report(row) == [
            (
                2,
                "failed",
                ("price", "invalid_amount"),
                ("weight_grams", "invalid_number"),
                ("active", "invalid_boolean"),
            )
        ]
        assert row.state == "failed"
        assert row.rows.get().errors[0]["detail"] == "A decimal number with a point, e.g. 19.99."

    def test_of_a_sku_that_the_file_had_before(self, bob):
        row = imported(bob, csv_of(a_row(), a_row("tee-1", price="5"), a_row("B")))

        assert report(row) == [
            (2, "created"),
            (3, "failed", ("sku", "duplicate_row")),
            (4, "created"),
        ]
        assert Variant.objects.get(sku="TEE-1").price == Decimal("19.99")

    def test_of_a_sku_that_another_product_has(self, bob):
        make_product(slug="cap", sku="TEE-1")

        assert report(imported(bob, csv_of(a_row()))) == [
            (2, "failed", ("product", "other_product"))
        ]

    def test_of_another_currency_than_the_products(self, bob):
        make_variant(make_product(slug="plain-tee", sku="A"), sku="B")

        row = imported(bob, csv_of(a_row("B", currency="USD")))

        assert report(row) == [(2, "failed", ("currency", "currency_conflict"))]

    def test_back_to_a_draft(self, bob):
        make_product(slug="plain-tee", sku="TEE-1")

        row = imported(bob, csv_of(a_row(status="draft")))

        assert report(row) == [(2, "failed", ("status", "product_status_conflict"))]

    def test_the_last_variant_off_sale(self, bob):
        make_product(slug="plain-tee", sku="TEE-1")

        row = imported(bob, csv_of(a_row(active="FALSE")))

        assert report(row) == [(2, "failed", ("status", "nothing_to_sell"))]

    @pytest.mark.parametrize("line", ["A,b,c", "A"], ids=["more", "fewer"])
    def test_with_other_cells_than_the_header(self, bob, line):
        row = imported(bob, f"sku,price\n{line}\n")

        assert report(row) == [(2, "failed", ("", "cell_count"))]

    def test_by_our_own_fault_do_not_stop_the_others(self, bob, monkeypatch, log_lines):
        from apps.products.services.imports import chunks

        real = chunks.apply_row

        def apply(wanted, **options):
            if wanted.sku == "BAD":
                raise ZeroDivisionError
            return real(wanted, **options)

        monkeypatch.setattr(chunks, "apply_row", apply)

        row = imported(bob, csv_of(a_row("A"), a_row("BAD"), a_row("B")))

        assert report(row) == [
            (2, "created"),
            (3, "failed", ("", "internal_error")),
            (4, "created"),
        ]
        assert any(line["level"] == "error" for line in log_lines())

    def test_by_a_rule_of_the_database_do_not_stop_the_others(self, bob, monkeypatch):
        from apps.products.services.imports import chunks

        real = chunks.apply_row

        def apply(wanted, **options):
            outcome = real(wanted, **options)
            if wanted.sku == "BAD":
                Variant.objects.filter(sku="BAD").update(price=-1)
            return outcome

        monkeypatch.setattr(chunks, "apply_row", apply)

        row = imported(bob, csv_of(a_row("BAD"), a_row("B")))

        assert report(row) == [(2, "failed", ("", "conflict")), (3, "created")]
