"""Events this app publishes: their names, and the payloads they carry (schema version 1)."""

from __future__ import annotations

USER_REGISTERED = "user.registered"
USER_DEACTIVATED = "user.deactivated"
USER_REACTIVATED = "user.reactivated"
"""{"username"}; never an address, a reason or anything else a subscriber has no business with."""

EMAIL_CONFIRMED = "user.email_confirmed"
PASSWORD_CHANGED = "user.password_changed"  # noqa: S105 - an event's name
"""{"username"}"""

LOGINS_REVOKED = "user.logins_revoked"
"""{"username", "cause", "logins": how many}"""
