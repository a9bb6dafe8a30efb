"""Files of products for tests, taken in and worked off as the platform does it."""

from __future__ import annotations

import csv
from io import BytesIO, StringIO

from apps.products.models import ProductImport
from apps.products.services.imports.running import run_import
from apps.products.services.imports.submitting import submit_import
from tests.factories.requests import make_principal

SCOPES = frozenset({"catalog:write", "inventory:write"})


def csv_of(*rows):
    """Rows as dictionaries; the first one's names are the header."""
    buffer = StringIO()
    writer = csv.DictWriter(buffer, rows[0].keys(), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def a_row(sku="TEE-1", **cells):
    return {
        "sku": sku,
        "product": "plain-tee",
        "name": "Plain tee",
        "price": "19.99",
        "currency": "EUR",
    } | cells


def submit(user, text, *, dry_run=False, scopes=SCOPES, application=None):
    """The import of a file, queued."""
    content = text if isinstance(text, bytes) else text.encode()
    return submit_import(
        file=BytesIO(content),
        file_name="products.csv",
        size=len(content),
        dry_run=dry_run,
        actor=make_principal(
            user_id=user.pk,
            username=user.username,
            scopes=scopes,
            application_id=application and application.pk,
        ),
    )


def imported(user, text, **options):
    """The import of a file, worked off."""
    row = submit(user, text, **options)
    while run_import(import_id=row.pk):
        pass
    return ProductImport.objects.get(pk=row.pk)


def report(row):
    """What became of its rows: line, outcome and, of what failed, (column, code)."""
    return [
        (each.number, each.outcome, *((e["column"], e["code"]) for e in each.errors))
        for each in row.rows.order_by("number")
    ]
