"""What a coupon takes off, and how that falls on the lines."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from apps.orders.errors import CouponNotUsableError
from apps.orders.models import Coupon
from core.money import money_document, rounded, shared_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

HUNDRED: Final = Decimal(100)
NOTHING: Final = Decimal(0)


def discount_of(coupon: Coupon, *, subtotal: Decimal, currency: str) -> Decimal:
    """What it takes off the goods: in whole minor units, and never more than they cost.

    Raises:
        CouponNotUsableError: it is for another currency, or for more than is bought.
    """
    _check_fits(coupon, subtotal, currency)
    if coupon.kind == Coupon.Kind.PERCENTAGE and coupon.percentage is not None:
        return rounded(subtotal * coupon.percentage / HUNDRED, currency)
    if coupon.kind == Coupon.Kind.FIXED and coupon.amount is not None:
        return min(subtotal, rounded(coupon.amount, currency))
    return NOTHING


def _check_fits(coupon: Coupon, subtotal: Decimal, currency: str) -> None:
    if coupon.currency not in {"", currency}:
        raise CouponNotUsableError(
            f"The coupon {coupon.code} is for {coupon.currency}.", reason="other_currency"
        )
    minimum = coupon.minimum_subtotal
    if minimum is not None and subtotal < minimum:
        document = money_document(minimum, currency)
        raise CouponNotUsableError(
            f"The coupon {coupon.code} is for purchases from {document['amount']} {currency}.",
            reason="below_minimum",
            minimum=document,
        )


def spread(amount: Decimal, over: Mapping[UUID, Decimal], currency: str) -> dict[UUID, Decimal]:
    """An amount shared out by weights, whatever order they come in.

    Shares are whole minor units that add up to the amount, and none exceeds its weight when the
    amount does not exceed their sum. Cents left over go by the order of the ids, so that the same
    purchase written in another order costs the same, line by line.
    """
    keys: Sequence[UUID] = sorted(over)
    shares = shared_out(amount, [over[key] for key in keys], currency)
    return dict(zip(keys, shares, strict=True))


def record_of(coupon: Coupon, discount: Decimal, currency: str) -> dict[str, Any]:
    """What the order keeps of it, for people."""
    percentage = None if coupon.percentage is None else f"{coupon.percentage:.2f}"
    return {
        "code": coupon.code,
        "kind": str(coupon.kind),
        "percentage": percentage,
        "amount": money_document(discount, currency),
    }
