"""What can go wrong with coupons."""

from __future__ import annotations

from core.errors import ConflictError, InvalidError, NotFoundError


class CouponNotFoundError(NotFoundError):
    """None of that id."""

    code = "coupon_not_found"
    title = "There is no such coupon."


class InvalidCouponError(InvalidError):
    """Its kind, its worth and its times do not go together; `errors` says what and where."""


class CouponNotUsableError(ConflictError):
    """The code makes nothing cheaper; `reason` says why.

    `unknown` (no such code, or none that may be used yet), `ended`, `used_up` (by all),
    `used_by_you` (as often as you may), `other_currency`, `below_minimum` (with the `minimum`),
    `changed` (by the shop, while the order was being placed: send it again, with another key). A
    code that is switched off, or has not begun, is `unknown`: who guesses codes learns of none that
    will work.
    """

    code = "coupon_not_usable"
    title = "The coupon cannot be used."
    remedy = "Leave the coupon out, or send another."


class CouponCodeTakenError(ConflictError):
    """Codes are compared without regard to case; choose another."""

    code = "coupon_code_taken"
    title = "There is a coupon of this code."


class CouponUsedError(ConflictError):
    """What a coupon is worth is part of the orders that it was used for.

    Of a coupon that has been used, the description, the end, the bounds and `active` may change,
    and `max_uses` not below what is used already. It cannot be deleted.
    """

    code = "coupon_used"
    title = "The coupon has been used."
    remedy = "End it with `active` false, and make another."
