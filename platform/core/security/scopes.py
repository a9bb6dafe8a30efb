"""The scopes there are, in words that people asked for consent understand; and whose are which."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SCOPES: dict[str, str] = {
    "profile:read": "Read your profile, with your e-mail address.",
    "profile:write": "Change your profile, your password and your e-mail address.",
    "applications:read": "See your applications and how their keys begin.",
    "applications:write": "Make applications, keys and OAuth clients, and end them.",
    "authorizations:read": "See which applications you have allowed to act for you.",
    "authorizations:write": "Take back what you have allowed applications.",
    "models:read": "See the models you may call, with their signatures and metrics.",
    "models:write": "Upload model versions, promote and roll them back.",
    "predictions:create": "Ask models for predictions.",
    "predictions:read": "Read your logged predictions, with what was asked and answered.",
    "predictions:write": "Say what turned out to be true of your predictions, and erase them.",
    "batch-predictions:read": "Read your batch predictions and their results.",
    "batch-predictions:write": "Submit and cancel batch predictions.",
    "catalog:read": "See the catalogue: products, variants, categories, reviews.",
    "catalog:write": "Change the catalogue: products, variants, prices, pictures, categories.",
    "inventory:write": "See and correct what is in stock at which warehouse.",
    "reviews:write": "Write reviews of what you have bought.",
    "orders:read": "See your orders, and what happened to them.",
    "orders:write": "Fill your cart, place orders and cancel them.",
    "orders:manage": "See everybody's orders, ship and refund them, and make coupons.",
    "payments:write": "Pay for your orders.",
    "events:read": "See the events of what you have, and of what it did.",
    "webhooks:read": "See where an application hears of events, and what was delivered.",
    "webhooks:write": "Say where an application hears of events, and have them sent again.",
    "usage:read": "See what was called, how often, and with which result.",
}

STAFF_ONLY_SCOPES = frozenset({"models:write", "catalog:write", "inventory:write", "orders:manage"})
PERSON_SCOPES = frozenset(SCOPES) - STAFF_ONLY_SCOPES
STAFF_SCOPES = frozenset(SCOPES)

# What a person alone may do, with a login of their own: a key must not make keys, and what was
# lent for one purpose must not change a password.
PERSONAL_SCOPES = frozenset(
    {
        "profile:write",
        "applications:read",
        "applications:write",
        "authorizations:read",
        "authorizations:write",
    }
)
GRANTABLE_SCOPES = frozenset(SCOPES) - PERSONAL_SCOPES


def scopes_of_login(*, is_staff: bool) -> frozenset[str]:
    """What a person's own login may do."""
    return STAFF_SCOPES if is_staff else PERSON_SCOPES


def grantable_to(*, is_staff: bool) -> frozenset[str]:
    """What somebody may hand on to an application: never more than they may themselves."""
    return GRANTABLE_SCOPES & scopes_of_login(is_staff=is_staff)


def scopes_of_credential(asked: Iterable[str], *, is_staff: bool) -> frozenset[str]:
    """What an application's credential may do now, whatever it was given when it was made.

    Args:
        asked: what the credential says.
        is_staff: whether the person in whose name it acts is staff at this moment.
    """
    return frozenset(asked) & grantable_to(is_staff=is_staff)
