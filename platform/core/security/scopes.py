"""The scopes there are, in words, and which a person's own login carries."""

from __future__ import annotations

SCOPES: dict[str, str] = {
    "profile:read": "Read your profile.",
    "profile:write": "Change your profile.",
    "models:read": "See the models you may call, with their signatures and metrics.",
    "models:write": "Upload model versions, promote and roll them back.",
    "predictions:create": "Ask models for predictions.",
    "batch-predictions:read": "Read your batch predictions and their results.",
    "batch-predictions:write": "Submit and cancel batch predictions.",
}

PERSON_SCOPES = frozenset(SCOPES) - {"models:write"}
STAFF_SCOPES = frozenset(SCOPES)


def scopes_of_login(*, is_staff: bool) -> frozenset[str]:
    """What a person's own login may do."""
    return STAFF_SCOPES if is_staff else PERSON_SCOPES
