"""Coupons, by their code and by who has used them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps.orders.errors import CouponNotFoundError
from apps.orders.models import Coupon, CouponUse
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from core.db.shaping import Shape

CODE: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{3,39}$"
CODE_MAX: Final = 40  # characters, as the column


def every_coupon() -> QuerySet[Coupon]:
    """For those who manage them: a coupon has no other owner."""
    return Coupon.objects.all()


def coupon_with(coupon_id: UUID, *, shape: Shape[Coupon] = as_it_is) -> Coupon:
    """Raises CouponNotFoundError."""
    found = shape(every_coupon().filter(pk=coupon_id)).first()
    if found is None:
        raise CouponNotFoundError(f"There is no coupon {coupon_id}.")
    return found


def normal_code(code: str) -> str:
    """As codes are stored: capitals, no blanks around."""
    return code.strip().upper()


def coupon_of_code(code: str) -> Coupon | None:
    """In whatever case it is written; what is too long for a code is none, without a query."""
    wanted = normal_code(code)
    return Coupon.objects.filter(code=wanted).first() if 0 < len(wanted) <= CODE_MAX else None


def numbers_used_by(coupon: Coupon, user_id: UUID) -> set[int]:
    """The numbers of the uses that somebody has of it, but for those given back."""
    uses = CouponUse.objects.filter(coupon_id=coupon.pk, user_id=user_id, returned_at=None)
    return set(uses.values_list("nth", flat=True))


def is_used(coupon_id: UUID) -> bool:
    """Whether it ever made an order cheaper, given back or not."""
    return CouponUse.objects.filter(coupon_id=coupon_id).exists()
