"""Files of products: which are read, which are refused, which only say what they would do."""

import pytest

from apps.products.errors.imports import (
    FileNotAcceptedError,
    ImportTooLargeError,
    StockColumnsError,
)
from apps.products.models import (
    Product,
    ProductImport,
    ProductImportRow,
    StockMovement,
    Variant,
)
from apps.products.services.imports import reading
from core.models import AuditEntry
from tests.factories.imports import a_row, csv_of, imported, report, submit
from tests.factories.products import make_product, make_warehouse

pytestmark = pytest.mark.django_db


class TestDryRun:
    def test_says_what_would_be_done_and_does_nothing(self, bob, sent_tasks):
        make_product("Plain tee", slug="plain-tee", sku="TEE-1", stock=None)
        make_warehouse("main")
        text = csv_of(
            a_row("TEE-1") | {"stock.main": ""},
            a_row("TEE-2") | {"stock.main": "5"},
            a_row("TEE-1", price="5"),
            a_row("CAP", product="cap", price="x"),
            a_row("CAP-2", product="cap", name="Cap"),
        )
        before = [AuditEntry.objects.count(), Product.objects.get().row_version]

        row = imported(bob, text, dry_run=True)

        assert report(row) == [
            (2, "unchanged"),
            (3, "created"),
            (4, "failed", ("sku", "duplicate_row")),
            (5, "failed", ("price", "invalid_amount")),
            (6, "created"),
        ]
        assert (row.state, row.dry_run) == ("partially_succeeded", True)
        assert Variant.objects.count() == 1
        assert not StockMovement.objects.exists()
        assert [AuditEntry.objects.count() - 1, Product.objects.get().row_version] == before

    def test_then_in_earnest_then_again(self, bob):
        text = csv_of(a_row("A"), a_row("B"), a_row("C", product="cap"))

        kinds = [
            {outcome for _, outcome in report(imported(bob, text, dry_run=dry_run))}
            for dry_run in (True, False, False)
        ]

        assert kinds == [{"created"}, {"created"}, {"unchanged"}]


class TestFiles:
    @pytest.mark.parametrize(
        "content",
        [
            "\ufeffsku,product,name,price,currency\r\nA,a,Ä,1,EUR\r\n",
            'sku,product,name,price,currency\nA,a,"Ä",1,EUR',
            "\nsku , product,name,price,currency\n\n\n A ,a,A\u0308,1,EUR\n\n",
        ],
        ids=["bom and crlf", "no last line break", "blanks and decomposed letters"],
    )
    def test_are_read_as_spreadsheets_write_them(self, bob, content):
        row = imported(bob, content)

        assert [line[1] for line in report(row)] == ["created"]
        assert (row.rows_total, row.rows_done) == (1, 1)
        assert Product.objects.get().name == "Ä"
        assert Variant.objects.get().sku == "A"

    def test_say_the_line_that_a_row_begins_on(self, bob):
        text = 'sku,product,name,price,currency\nA,a,"two\nlines",1,EUR\n\nB,b,B,1,EUR\n'

        row = imported(bob, text)

        assert [line[0] for line in report(row)] == [2, 5]

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "missing_header"),
            (b"\n\n", "missing_header"),
            (b"sku,price\n", "missing_rows"),
            (b"sku,colour\nA,red\n", "unknown_column"),
            (b"sku;price\nA;1\n", "missing_column"),
            (b"price,currency\n1,EUR\n", "missing_column"),
            (b"sku,price,sku\nA,1,B\n", "duplicate_column"),
            (b"sku,attribute.\nA,1\n", "unknown_column"),
            (b"sku,stock.nowhere\nA,1\n", "unknown_column"),
            (b"sku,price\nA\xff,1\n", "not_utf8"),
            ("sku,price\nA,1\n".encode("utf-16"), "not_utf8"),
            (b"sku,price\nA\0,1\n", "forbidden_character"),
            (b'sku,price\n"A,1\n', "malformed_csv"),
            (b'sku,price\n"A"B,1\n', "malformed_csv"),
            (b"sku,name\nA," + b"x" * 131_073 + b"\n", "malformed_csv"),
            (b"sku,name\nA," + b"x" * 2**20 + b"\n", "line_too_long"),
            (
                b"sku," + b",".join(b"option.%d" % n for n in range(1000)) + b"\n",
                "too_many_columns",
            ),
            (b"PK\x03\x04 a spreadsheet", "missing_column"),
        ],
        ids=[
            "nothing",
            "blank",
            "no rows",
            "unknown",
            "semicolons",
            "no sku",
            "twice",
            "nameless",
            "warehouse",
            "latin",
            "utf-16",
            "nul",
            "open quote",
            "behind quote",
            "cell",
            "line",
            "wide",
            "xlsx",
        ],
    )
    def test_that_cannot_be_are_refused_before_any_row_is_done(self, bob, content, code):
        with pytest.raises(FileNotAcceptedError) as refused:
            submit(bob, content)

        assert code in [fault.code for fault in refused.value.errors]
        assert not ProductImport.objects.exists()

    def test_of_too_many_rows_or_bytes(self, bob, monkeypatch):
        monkeypatch.setattr(reading, "ROWS_MAX", 2)
        assert submit(bob, "sku\nA\nB\n").rows_total == 2
        with pytest.raises(ImportTooLargeError):
            submit(bob, "sku\nA\nB\nC\n")
        monkeypatch.setattr(reading, "FILE_MAX", 5)
        with pytest.raises(ImportTooLargeError):
            submit(bob, "sku\nA\n")

    def test_with_stock_need_the_scope(self, bob):
        make_warehouse("main")

        with pytest.raises(StockColumnsError):
            submit(bob, "sku,stock.main\nA,1\n", scopes=frozenset({"catalog:write"}))

        assert not ProductImport.objects.exists()


class TestReports:
    def test_are_rows_with_their_sku(self, bob):
        row = imported(bob, csv_of(a_row("x" * 70), a_row("A")))

        kept = ProductImportRow.objects.filter(product_import=row).order_by("number")
        assert [each.sku for each in kept] == ["x" * 64, "A"]
