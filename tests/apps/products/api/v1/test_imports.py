"""Imports and the export over the API, and that the one reads what the other writes."""

import csv
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.products.models import Product, ProductImport, Stock, Variant
from apps.products.services.imports.running import run_import
from core.models import AuditEntry
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.imports import a_row, csv_of, imported, report
from tests.factories.products import (
    make_category,
    make_product,
    make_stock,
    make_variant,
    make_warehouse,
)

pytestmark = pytest.mark.django_db

IMPORTS = "/api/v1/product-imports"
EXPORT = "/api/v1/product-export"


@pytest.fixture(autouse=True)
def _storage(settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        },
    }


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


def upload(client, text, name="spring.csv", **fields):
    file = SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode())
    headers = fields.pop("headers", None)
    return client.post(IMPORTS, {"file": file, **fields}, format="multipart", headers=headers)


def exported(client, **query):
    response = client.get(EXPORT, query)
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content).decode()


def rows_of(text):
    return list(csv.DictReader(StringIO(text, newline="")))


class TestUploading:
    def test_queues_the_file_and_says_where_to_look(self, staff, bob, sent_tasks):
        response = upload(staff, csv_of(a_row("A"), a_row("B")), name="../etc/spring.csv")

        document = response.json()
        row = ProductImport.objects.get()
        assert response.status_code == 202, document
        assert response["Location"] == f"{IMPORTS}/{row.pk}"
        times = [document.pop(name) for name in ("created_at", "updated_at")]
        assert all(times)
        assert document == {
            "id": str(row.pk),
            "status": "queued",
            "dry_run": False,
            "file_name": "spring.csv",
            "size_bytes": row.size_bytes,
            "rows": 2,
            "rows_done": 0,
            "created": 0,
            "updated": 0,
            "unchanged": 0,
            "failed": 0,
            "error": None,
            "user_id": str(bob.pk),
            "application_id": None,
            "ended_at": None,
        }
        assert sent_tasks == [("products.run_import", {"import_id": str(row.pk)})]
        assert AuditEntry.objects.get().action == "products.product_import.submitted"

    def test_says_what_became_of_the_rows(self, staff):
        upload(staff, csv_of(a_row("A"), a_row("B", price="x"), a_row("C")), dry_run="true")
        row = ProductImport.objects.get()
        run_import(import_id=row.pk)

        shown = staff.get(f"{IMPORTS}/{row.pk}").json()
        lines = staff.get(f"{IMPORTS}/{row.pk}/rows").json()["results"]
        failed = staff.get(f"{IMPORTS}/{row.pk}/rows", {"outcome": "failed"}).json()["results"]

        counts = {name: shown[name] for name in ("status", "dry_run", "created", "failed")}
        assert counts == {
            "status": "partially_succeeded",
            "dry_run": True,
            "created": 2,
            "failed": 1,
        }
        assert [(line["line"], line["outcome"]) for line in lines] == [
            (2, "created"),
            (3, "failed"),
            (4, "created"),
        ]
        assert failed == [
            {
                "line": 3,
                "outcome": "failed",
                "sku": "B",
                "errors": [
                    {
                        "column": "price",
                        "code": "invalid_amount",
                        "detail": "A decimal number with a point, e.g. 19.99.",
                    }
                ],
            }
        ]

    def test_refuses_what_is_no_such_file(self, staff, assert_problem):
        odd = upload(staff, "sku,colour\nA,red\n")
        huge = upload(staff, b"sku\n" + b"A\n" * 50_001)

        assert_problem(odd, 400, "import_file_not_accepted", at=("#/file", "unknown_column"))
        assert assert_problem(huge, 413, "import_too_large")["maximum_rows"] == 50_000
        assert not ProductImport.objects.exists()

    def test_counts_stock_only_with_the_scope(self, bob, assert_problem):
        make_warehouse("main")
        application = make_application(bob, "Feed")
        text = csv_of(a_row() | {"stock.main": "5"})

        def call(*scopes):
            return upload(client_with(make_key(application, scopes=list(scopes)).key), text)

        problem = assert_problem(call("catalog:write"), 403, "stock_columns_forbidden")
        assert problem["required_scope"] == "inventory:write"
        assert call("catalog:write", "inventory:write").status_code == 202
        assert ProductImport.objects.get().application_id == application.pk

    def test_is_for_whoever_may_change_the_catalogue(self, client_of, alice, assert_problem):
        for client in (client_of(alice),):
            assert_problem(upload(client, csv_of(a_row())), 403, "insufficient_scope")
            for path in (IMPORTS, EXPORT, f"{IMPORTS}/{Product().pk}"):
                assert_problem(client.get(path), 403, "insufficient_scope")

    def test_with_a_key_is_one(self, staff):
        text = csv_of(a_row())

        answers = [upload(staff, text, headers={"Idempotency-Key": "spring"}) for _ in range(2)]

        assert answers[0].json() == answers[1].json()
        assert ProductImport.objects.count() == 1

    def test_no_more_than_five_are_open(self, staff, assert_problem):
        for number in range(5):
            assert upload(staff, csv_of(a_row(f"S-{number}"))).status_code == 202

        assert_problem(upload(staff, csv_of(a_row())), 429, "too_many_imports")


class TestReading:
    def test_lists_everybodys_newest_first(self, staff, bob):
        first, second = imported(bob, csv_of(a_row())), imported(bob, csv_of(a_row()))

        listed = staff.get(IMPORTS).json()["results"]
        none = staff.get(IMPORTS, {"status": "failed"}).json()["results"]

        assert [each["id"] for each in listed] == [str(second.pk), str(first.pk)]
        assert none == []

    def test_of_none_is_not_found(self, staff, assert_problem):
        gone = f"{IMPORTS}/{Product().pk}"

        assert_problem(staff.get(gone), 404, "product_import_not_found")
        assert_problem(staff.get(f"{gone}/rows"), 404, "product_import_not_found")


class TestExport:
    @pytest.fixture
    def catalogue(self, db):
        """With everything that is hard to write down."""
        shirts = make_category("Shirts", slug="shirts")
        tees = make_category("Tees", slug="tees", parent=shirts)
        tee = make_product(
            '=Plain; "tee"',
            slug="plain-tee",
            sku="TEE-M",
            category=tees,
            description='Line one,\r\nline "two"\n\n-- the end ',
            attributes={
                "organic": True,
                "grams": 180,
                "ratio": -0.5,
                "code": "007",
                "five": "5",
                "quoted": '"5"',
                "empty": "",
                "no": "false",
                "wash": " 30 °C",
                "formula": "'=1+1",
                "with.dot/and~": "@x",
            },
            options={"size": "M", "colour": "+red"},
            compare_at_price="25.00",
            stock=7,
        )
        make_variant(tee, sku="TEE-L", name="Large", price="21.50", active=False, weight_grams=5)
        make_stock(tee.only, on_hand=2, warehouse=make_warehouse("north"))
        make_product("Yen", slug="yen", sku="YEN", price="1200", currency="JPY", stock=None)
        make_product("Dinar", slug="dinar", sku="KWD", price="1.234", currency="KWD", stock=None)
        make_product("Bare", slug="bare", status="draft", price=None)
        make_product(
            "Old", slug="old", sku="OLD", status="archived", track_inventory=False, stock=None
        )
        return tee

    def test_comes_back_by_an_import_without_a_change(self, staff, bob, catalogue):
        text = exported(staff, stock="true")
        versions = [
            list(model.objects.order_by("pk").values_list("pk", "row_version"))
            for model in (Product, Variant)
        ]

        row = imported(bob, text)

        assert {line[1:] for line in report(row)} == {("unchanged",)}
        assert (row.state, row.unchanged) == ("succeeded", 6)
        assert versions == [
            list(model.objects.order_by("pk").values_list("pk", "row_version"))
            for model in (Product, Variant)
        ]

    def test_makes_the_same_catalogue_elsewhere(self, staff, bob, catalogue):
        text = exported(staff, stock="true")
        Variant.objects.update(name="", price=1, compare_at_price=None, options={}, weight_grams=0)
        Product.objects.update(attributes={}, description="", name="x", category=None)

        row = imported(bob, text)

        assert row.state == "succeeded", report(row)
        assert exported(staff, stock="true") == text

    def test_writes_no_formula(self, staff, catalogue):
        for row in rows_of(exported(staff)):
            assert [cell for cell in row.values() if cell[:1] in {"=", "+", "-", "@"}] == []

    def test_says_amounts_in_their_currencys_digits(self, staff, catalogue):
        prices = {row["sku"]: row["price"] for row in rows_of(exported(staff)) if row["sku"]}

        assert (prices["TEE-M"], prices["YEN"], prices["KWD"]) == ("19.99", "1200", "1.234")

    def test_of_some(self, staff, catalogue):
        def skus(**query):
            return {row["sku"] for row in rows_of(exported(staff, **query))}

        assert skus(category="shirts") == {"TEE-M", "TEE-L"}
        assert skus(category="none") == set()
        assert skus(status="draft") == {""}
        assert skus(status__in="draft,archived") == {"", "OLD"}

    def test_shows_stock_when_it_is_asked_for(self, staff, catalogue):
        rows = {row["sku"]: row for row in rows_of(exported(staff, stock="true"))}

        tee, yen = rows["TEE-M"], rows["YEN"]
        assert (tee["stock.main"], tee["stock.north"]) == ("7", "2")
        assert (tee["expected.main"], tee["expected.north"]) == ("7", "2")
        assert (yen["stock.main"], yen["expected.main"]) == ("", "")
        for text in (exported(staff), exported(staff, stock="false")):
            assert "stock." not in text.splitlines()[0]
            assert "expected." not in text.splitlines()[0]

    def test_shows_stock_with_the_scope_alone(self, bob, catalogue, assert_problem):
        key = make_key(make_application(bob, "Feed"), scopes=["catalog:write"]).key
        client = client_with(key)

        problem = assert_problem(
            client.get(EXPORT, {"stock": "true"}), 403, "stock_columns_forbidden"
        )

        assert problem["required_scope"] == "inventory:write"
        assert exported(client).startswith("sku,")

    def test_edited_while_pieces_are_sold_undoes_no_sale(self, staff, bob, catalogue):
        text = exported(staff, stock="true")
        Stock.objects.filter(variant=catalogue.only).update(on_hand=1)

        row = imported(bob, text.replace("19.99", "18.99"))

        assert row.state == "succeeded", report(row)
        assert str(Variant.objects.get(sku="TEE-M").price) == "18.990"
        assert set(Stock.objects.values_list("on_hand", flat=True)) == {1}

    def test_is_a_file(self, staff, catalogue):
        response, head = staff.get(EXPORT), staff.head(EXPORT)

        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert response["Content-Disposition"] == 'attachment; filename="products.csv"'
        assert response["X-Content-Type-Options"] == "nosniff"
        assert (head.status_code, head["Content-Type"]) == (200, response["Content-Type"])
        assert b"".join(response.streaming_content).startswith(b"sku,product,name,")

    def test_takes_only_what_it_knows(self, staff, assert_problem):
        response = staff.get(EXPORT, {"status": "gone"})

        assert_problem(response, 400, "invalid_parameter", at=("status", "invalid_choice"))
        assert staff.get(EXPORT, {"colour": "red"}).status_code == 400
        assert staff.get(EXPORT, {"stock": "yes"}).status_code == 400
