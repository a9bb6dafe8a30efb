"""A call made twice has one effect; see docs/subsystems/idempotency.md."""

from __future__ import annotations

from core.idempotency.errors import (
    InProgressError,
    InvalidKeyError,
    MissingKeyError,
    ReusedKeyError,
)
from core.idempotency.fingerprint import fingerprint
from core.idempotency.keys import Outcome, Scope, StoredAnswer, parse_key, run_once

__all__ = [
    "InProgressError",
    "InvalidKeyError",
    "MissingKeyError",
    "Outcome",
    "ReusedKeyError",
    "Scope",
    "StoredAnswer",
    "fingerprint",
    "parse_key",
    "run_once",
]
