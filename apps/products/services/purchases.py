"""Who bought what, as orders tells it: reviews and popularity rest on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from apps.products.models import Purchase

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

POPULARITY_DAYS: Final = 30  # what was paid within so many days counts
POPULARITY_MAX: Final = 2_147_483_647  # what the column holds

# Rows are locked in the order of their ids, as everybody does who locks several products.
RECOUNT: Final = """
    WITH sold AS (
        SELECT product_id, LEAST(sum(quantity), %(most)s)::integer AS pieces
        FROM products_purchase
        WHERE revoked_at IS NULL AND purchased_at > %(since)s AND purchased_at <= %(now)s
        GROUP BY product_id
    ), moved AS (
        SELECT product.id, COALESCE(sold.pieces, 0) AS pieces
        FROM products_product AS product LEFT JOIN sold ON sold.product_id = product.id
        WHERE product.popularity <> COALESCE(sold.pieces, 0)
        ORDER BY product.id
        FOR NO KEY UPDATE OF product
    )
    UPDATE products_product AS product SET popularity = moved.pieces
    FROM moved WHERE product.id = moved.id
"""


@dataclass(frozen=True, slots=True)
class PurchasedLine:
    """A paid line of an order, in pieces."""

    order_line_id: UUID
    product_id: UUID
    quantity: int


@transaction.atomic
def record_purchases(
    *, buyer_id: UUID, lines: Sequence[PurchasedLine], purchased_at: datetime
) -> None:
    """Note that somebody has bought these; what was told before stays as it is.

    Args:
        buyer_id: the user whose order it is.
        lines: each once, by the id of the order's line.
        purchased_at: when it was paid (UTC).
    """
    Purchase.objects.bulk_create(
        [
            Purchase(
                product_id=line.product_id,
                buyer_id=buyer_id,
                order_line_id=line.order_line_id,
                quantity=line.quantity,
                purchased_at=purchased_at,
            )
            for line in lines
        ],
        ignore_conflicts=True,
    )


def revoke_purchases(*, order_line_ids: Collection[UUID], now: datetime) -> None:
    """Note that all of these lines was refunded; the first time counts.

    What a buyer has written about the product stays, but no longer says that it was bought.
    """
    rows = Purchase.objects.filter(order_line_id__in=order_line_ids, revoked_at=None)
    rows.update(revoked_at=now)


@transaction.atomic
def count_popularity(*, now: datetime) -> int:
    """Count the pieces sold in 30 days anew, in one statement; how many products it moved.

    Neither `row_version` nor `updated_at` moves: nobody has changed the product.
    """
    since = now - timedelta(days=POPULARITY_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(RECOUNT, {"since": since, "now": now, "most": POPULARITY_MAX})
        return int(cursor.rowcount)
