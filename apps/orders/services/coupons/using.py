"""A coupon finds its order: never oftener than it may, whoever asks at the same time."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NoReturn

from django.db import transaction
from django.db.models import F, Q

from apps.orders.errors import CouponNotUsableError
from apps.orders.models import Coupon, CouponUse
from apps.orders.selectors.coupons import coupon_of_code, numbers_used_by

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from apps.orders.models import Order


def coupon_for(*, code: str, user_id: UUID | None, now: datetime) -> Coupon:
    """The coupon of a code, if it may be used now; nothing is used up yet, and nothing is locked.

    Args:
        code: in whatever case, with blanks around.
        user_id: who would use it; None: not known, so that their own bound is not looked at.
        now: aware, UTC.

    Raises:
        CouponNotUsableError: its reason is unknown, ended, used_up or used_by_you.
    """
    coupon = coupon_of_code(code)
    if coupon is None or not coupon.active or (coupon.starts_at and now < coupon.starts_at):
        _refuse(code, "unknown")
    if coupon.ends_at and now >= coupon.ends_at:
        _refuse(code, "ended")
    if coupon.max_uses is not None and coupon.used >= coupon.max_uses:
        _refuse(code, "used_up")
    most = coupon.max_uses_per_user
    if user_id is not None and most is not None and len(numbers_used_by(coupon, user_id)) >= most:
        _refuse(code, "used_by_you")
    return coupon


@transaction.atomic
def use_coupon(*, coupon: Coupon, order: Order, user_id: UUID) -> CouponUse:
    """Count one use, for an order that exists in the caller's transaction.

    The counter moves by one conditional UPDATE, whose row lock holds until the order is committed:
    whoever comes meanwhile waits, and finds the counter as it then is. So all orders with one
    coupon pass one after the other, and must do nothing slow behind this.

    Raises:
        CouponNotUsableError: used up since it was found, by others or by the same user; or staff
            have changed it meanwhile, so that the order was priced with what it no longer is.
    """
    room = Q(max_uses__isnull=True) | Q(used__lt=F("max_uses"))
    as_found = Coupon.objects.filter(pk=coupon.pk, row_version=coupon.row_version)
    if not _count(as_found.filter(room), 1):
        _refuse(coupon.code, "used_up" if as_found.exists() else "changed")
    nth = _first_free(numbers_used_by(coupon, user_id))
    if coupon.max_uses_per_user is not None and nth > coupon.max_uses_per_user:
        _refuse(coupon.code, "used_by_you")
    use: CouponUse = CouponUse.objects.create(
        coupon_id=coupon.pk, order=order, user_id=user_id, nth=nth
    )
    return use


@transaction.atomic
def return_coupon(*, order: Order, now: datetime) -> None:
    """Give back the use of an order that came to nothing; done twice, it is given back once.

    The coupon's row is locked before the use's, as in `use_coupon`.
    """
    uses = CouponUse.objects.filter(order_id=order.pk, returned_at=None)
    coupon_id = uses.values_list("coupon_id", flat=True).first()
    if coupon_id is None:
        return
    Coupon.objects.select_for_update(no_key=True).only("pk").get(pk=coupon_id)
    if uses.update(returned_at=now):
        _count(Coupon.objects.filter(pk=coupon_id), -1)


def _count(coupons: QuerySet[Coupon], step: int) -> int:
    """A use is nobody's edit: the row's version stays, or no edit would pass while one is used."""
    return coupons.update(
        used=F("used") + step, row_version=F("row_version"), updated_at=F("updated_at")
    )


def _first_free(taken: set[int]) -> int:
    """Numbers that were given back are used again, so that the numbers bound the uses."""
    return next(number for number in count(1) if number not in taken)


def _refuse(code: str, reason: str) -> NoReturn:
    raise CouponNotUsableError(f"The coupon {code!r} cannot be used: {reason}.", reason=reason)
