"""Signatures of callbacks: HMAC-SHA256 over time and body, as many providers have them.

The header is `Agora-Signature: t=1767225600,v1=5257a8…[,v1=…]`: seconds since 1970, and a signature
in hex for each secret in force, so that a secret can be changed while callbacks go on.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

from django.conf import settings

from apps.orders.errors.payments import BadSignatureError

if TYPE_CHECKING:
    from datetime import datetime

HEADER: Final = "Agora-Signature"
TOLERANCE_SECONDS: Final = 300  # either way, between the sender's clock and ours
HEADER_MAX: Final = 1_000  # characters
TIME: Final = re.compile(r"t=([0-9]{1,12})", re.ASCII)
SIGNATURE: Final = re.compile(r"v1=([0-9a-f]{64})", re.ASCII)
PURPOSE: Final = b"agora payment callbacks 1 "


def sign(body: bytes, *, provider: str, now: datetime) -> str:
    """The header's value for a body sent now, by the newest secret."""
    time = int(now.timestamp())
    return f"t={time},v1={_mac(_secrets(provider)[0], time, body)}"


def check(header: str, body: bytes, *, provider: str, now: datetime) -> None:
    """Raises BadSignatureError: missing, malformed, by no secret of ours, or too old or new."""
    time, given = _read(header)
    if abs(now.timestamp() - time) > TOLERANCE_SECONDS:
        raise BadSignatureError(f"Its time is more than {TOLERANCE_SECONDS} s off.")
    expected = [_mac(secret, time, body) for secret in _secrets(provider)]
    # Each is compared with each, so that the time taken says nothing of where they differ.
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in given]
    if not any(matches):
        raise BadSignatureError


def _read(header: str) -> tuple[int, list[str]]:
    parts = [part.strip() for part in header.split(",")] if len(header) <= HEADER_MAX else []
    times = [match[1] for part in parts if (match := TIME.fullmatch(part))]
    given = [match[1] for part in parts if (match := SIGNATURE.fullmatch(part))]
    if len(times) != 1 or not given:
        raise BadSignatureError(f"{HEADER} must be t=<seconds>,v1=<hex>.")
    return int(times[0]), given


def _secrets(provider: str) -> list[bytes]:
    """A secret for each pepper, the newest first; nothing else is derived with this purpose."""
    return [_derived(pepper, provider) for pepper in settings.PEPPERS]


def _derived(pepper: str, provider: str) -> bytes:
    return hmac.digest(pepper.encode(), PURPOSE + provider.encode(), hashlib.sha256)


def _mac(secret: bytes, time: int, body: bytes) -> str:
    return hmac.digest(secret, b"%d." % time + body, hashlib.sha256).hex()
