"""Signatures of deliveries, as Standard Webhooks 1.0.0 has them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION: Final = "v1"  # HMAC-SHA-256 under a secret that both sides know


def sign(secrets: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of webhook-signature: one signature a secret, separated by blanks.

    Args:
        secrets: raw bytes, the newest first.
        message_id: the value of webhook-id.
        timestamp: seconds since 1970, the value of webhook-timestamp.
        body: exactly what is sent.
    """
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return " ".join(f"{VERSION},{_mac(secret, signed)}" for secret in secrets)


def _mac(secret: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
