"""What the schema says of refusals that are an operation's own; the common ones it knows itself."""

from __future__ import annotations

from typing import Any, TypeAlias

from core.api.schema import problem as problem  # noqa: PLC0414 - views take it from here

Answers: TypeAlias = dict[Any, Any]
"""As `responses` of extend_schema takes them: by status, or by status and media type."""
