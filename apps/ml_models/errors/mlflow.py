"""What can go wrong with files that come before their version, and what the facade does not do."""

from __future__ import annotations

from core.errors import InvalidError, NotFoundError


class UploadNotFoundError(NotFoundError):
    """No file was uploaded under this path by this user, or it was forgotten meanwhile."""

    code = "upload_not_found"
    title = "There is no such upload."
    remedy = "Upload the file again; an upload that no version takes is kept for a day."


class InvalidSourceError(InvalidError):
    """A version is made from an upload of yours or from another version, never from an address."""

    code = "invalid_source"
    title = "A version cannot be made from this source."
    remedy = "Use `mlflow-artifacts:/<path>` of an upload, or `models:/<name>/<version>`."


class NotSupportedError(InvalidError):
    """The registry does not do this on purpose; the detail says what to do instead."""

    code = "not_supported"
    title = "The registry does not do this."
