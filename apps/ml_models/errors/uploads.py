"""What can go wrong with what comes in: too many at once, or words about it that do not fit."""

from __future__ import annotations

from core.errors import InvalidError, QuotaExceededError


class TooManyUploadsError(QuotaExceededError):
    """As many of your uploads as may wait for their validation are waiting."""

    code = "too_many_uploads"
    title = "As many of your uploads wait for validation as may."
    remedy = "Wait until some of them are `ready` or `rejected`; each takes some seconds."


class InvalidVersionFactsError(InvalidError):
    """What was said of the version beside its file (metrics, card, origin, tags) cannot be kept."""

    code = "invalid_version_facts"
    title = "What was said of the version is not valid."
