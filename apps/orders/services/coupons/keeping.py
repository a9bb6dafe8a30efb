"""Making, changing and deleting coupons: the business of staff."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from apps.orders.errors import (
    CouponCodeTakenError,
    CouponNotFoundError,
    CouponUsedError,
    InvalidCouponError,
)
from apps.orders.models import Coupon
from apps.orders.selectors.coupons import CODE, is_used, normal_code
from core import audit
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from uuid import UUID

    from core.audit import Actor
    from core.money import Money

RULES: Final = (
    "description",
    "percentage",
    "amount",
    "minimum_subtotal",
    "max_uses",
    "max_uses_per_user",
    "starts_at",
    "ends_at",
    "active",
)
"""What may change; `kind` and `code` are for life."""

AMOUNTS: Final = ("amount", "minimum_subtotal")
COLUMNS: Final = (*RULES, "currency")

WORTH: Final = frozenset({"percentage", "amount", "minimum_subtotal", "currency", "starts_at"})
"""Of these the orders speak that it was used for."""

CODE_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that is mistaken for another
CODE_LENGTH: Final = 12  # of 31 letters: 59 bits, which nobody guesses


@transaction.atomic
def create_coupon(*, code: str, kind: str, rules: Mapping[str, Any], actor: Actor) -> Coupon:
    """Make a coupon.

    Args:
        code: capitals or not; empty: one is made that nobody guesses.
        kind: of Coupon.Kind.
        rules: values of RULES, amounts as Money; what is left out is empty.
        actor: staff.

    Raises:
        InvalidCouponError: the code has other signs than codes have; what the kind needs is
            missing, or does not go together.
        CouponCodeTakenError.
    """
    coupon = Coupon(code=_checked_code(code.strip()) or _made_code(), kind=kind)
    _set(coupon, rules)
    _check_goes_together(coupon)
    if not _inserted(coupon):
        raise CouponCodeTakenError(f"There is a coupon {coupon.code}.")
    _record("created", coupon, actor, before=None, after=_facts(coupon))
    return coupon


@transaction.atomic
def change_coupon(
    *,
    coupon_id: UUID,
    changes: Mapping[str, Any],
    check: Callable[[Coupon], None],
    actor: Actor,
) -> Coupon:
    """Store what `changes` names of RULES.

    Args:
        coupon_id: which.
        changes: new values, amounts as Money; what is not named stays.
        check: called with the locked row, to raise when the caller has seen an older one.
        actor: staff.

    Raises:
        CouponNotFoundError, InvalidCouponError.
        CouponUsedError: it has been used, and this would change what it was worth.
    """
    coupon = _locked(coupon_id)
    check(coupon)
    before = _facts(coupon)
    changed = _set(coupon, changes)
    if not changed:
        return coupon
    _check_goes_together(coupon)
    _check_changeable(coupon, changed)
    coupon.save(update_fields=changed)
    after = _facts(coupon)
    _record("changed", coupon, actor, before=_only(before, changed), after=_only(after, changed))
    return coupon


@transaction.atomic
def delete_coupon(*, coupon_id: UUID, check: Callable[[Coupon], None], actor: Actor) -> None:
    """Delete one that was never used. Raises CouponNotFoundError, CouponUsedError."""
    coupon = _locked(coupon_id)
    check(coupon)
    if is_used(coupon.pk):
        raise CouponUsedError(f"The coupon {coupon.code} has been used; end it instead.")
    _record("deleted", coupon, actor, before=_facts(coupon), after=None)
    coupon.delete()


def _checked_code(code: str) -> str:
    """Before it is put in capitals: those of some letters are two."""
    if code and re.fullmatch(CODE, code) is None:
        words = "4 to 40 letters of A to Z, digits, - and _, the first a letter or digit."
        raise InvalidCouponError(words, errors=(FieldError("invalid", words, "#/code"),))
    return normal_code(code)


def _made_code() -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def _inserted(coupon: Coupon) -> bool:
    """False: the code is taken; waits for whoever takes it at this very moment."""
    Coupon.objects.bulk_create([coupon], ignore_conflicts=True)
    if not Coupon.objects.filter(pk=coupon.pk).exists():
        return False
    coupon.refresh_from_db()
    return True


def _locked(coupon_id: UUID) -> Coupon:
    """FOR UPDATE, not weaker: a use refers to the row, and must not begin meanwhile."""
    found = Coupon.objects.select_for_update().filter(pk=coupon_id).first()
    if found is None:
        raise CouponNotFoundError(f"There is no coupon {coupon_id}.")
    return found


def _set(coupon: Coupon, rules: Mapping[str, Any]) -> list[str]:
    """Take the rules over; the names of the columns that changed."""
    columns = {name: rules[name] for name in RULES if name in rules}
    moneys: dict[str, Any] = {name: columns[name] for name in AMOUNTS if name in columns}
    columns |= {name: money and money.amount for name, money in moneys.items()}
    if moneys:
        columns["currency"] = _currency(coupon, moneys)
    changed = [name for name, value in columns.items() if value != getattr(coupon, name)]
    for name in changed:
        setattr(coupon, name, columns[name])
    return changed


def _currency(coupon: Coupon, moneys: Mapping[str, Money | None]) -> str:
    """The one currency of its amounts, new ones and those that stay; empty when it has none."""
    currencies = {money.currency for money in moneys.values() if money is not None}
    if any(getattr(coupon, name) is not None for name in AMOUNTS if name not in moneys):
        currencies.add(coupon.currency)
    if len(currencies) > 1:
        raise InvalidCouponError(
            "The amounts of a coupon are in one currency.",
            errors=(_fault(AMOUNTS[1], "other_currency", "In the currency of the amount."),),
        )
    return currencies.pop() if currencies else ""


def _check_changeable(coupon: Coupon, changed: Collection[str]) -> None:
    if coupon.max_uses is not None and coupon.max_uses < coupon.used:
        raise CouponUsedError(f"The coupon {coupon.code} has been used {coupon.used} times.")
    frozen = sorted(WORTH & {*changed})
    if frozen and is_used(coupon.pk):
        raise CouponUsedError(
            f"The coupon {coupon.code} has been used; {', '.join(frozen)} cannot change."
        )


def _check_goes_together(coupon: Coupon) -> None:
    """Raises InvalidCouponError, with a fault for each member that is missing or too many."""
    faults = tuple(_faults(coupon))
    if faults:
        raise InvalidCouponError(faults[0].detail, errors=faults)


def _faults(coupon: Coupon) -> list[FieldError]:
    faults = []
    for kind, name in ((Coupon.Kind.PERCENTAGE, "percentage"), (Coupon.Kind.FIXED, "amount")):
        is_there = getattr(coupon, name) is not None
        if coupon.kind == kind and not is_there:
            faults.append(_fault(name, "required", f"A coupon of this kind needs a {name}."))
        if coupon.kind != kind and is_there:
            faults.append(_fault(name, "not_of_this_kind", f"This kind of coupon has no {name}."))
    if coupon.starts_at and coupon.ends_at and coupon.ends_at <= coupon.starts_at:
        faults.append(_fault("ends_at", "too_early", "It would end before it begins."))
    return faults


def _fault(name: str, code: str, detail: str) -> FieldError:
    return FieldError(code, detail, pointer=f"#/{name}")


def _facts(coupon: Coupon) -> dict[str, Any]:
    """As the audit trail keeps it: JSON."""
    facts = {name: getattr(coupon, name) for name in COLUMNS}
    return {
        "code": coupon.code,
        "kind": str(coupon.kind),
        **{name: _plain(value) for name, value in facts.items()},
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - a column's value
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _only(facts: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: facts[name] for name in names}


def _record(
    verb: str,
    coupon: Coupon,
    actor: Actor,
    *,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    audit.record(
        actor=actor,
        action=f"orders.coupon.{verb}",
        object_type="coupon",
        object_id=str(coupon.pk),
        before=before,
        after=after,
    )
