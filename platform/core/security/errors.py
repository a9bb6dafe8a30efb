"""Why a credential that was good is not accepted."""

from __future__ import annotations

from core.errors import UnauthenticatedError, UnavailableError


class RevokedCredentialError(UnauthenticatedError):
    """The credential was good, and its owner or the platform has ended it."""

    code = "token_revoked"
    title = "This credential has been revoked."


class StaleSnapshotError(UnavailableError):
    """We cannot know what has been revoked lately, so we cannot let anybody in."""

    code = "revocation_unknown"
    title = "Credentials cannot be checked right now."
