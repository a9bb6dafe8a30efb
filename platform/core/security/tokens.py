"""Opaque secrets: how they look, and how a database remembers them without knowing them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import zlib

from django.conf import settings

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase  # base62
SECRET_LENGTH = 43  # characters of base62: 256 bits
CHECKSUM_LENGTH = 6  # characters of base62: a CRC-32 fits


def make_secret(prefix: str) -> str:
    """A new secret such as `sk_4hT…`: prefix, 256 random bits, and a checksum of both.

    The checksum lets a scanner, and us, tell a typing error from a secret without a look-up.
    """
    random = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    return f"{prefix}{random}{_checksum(prefix + random)}"


def has_valid_checksum(secret: str) -> bool:
    """Whether a text could have come from make_secret; says nothing about it being known."""
    body, checksum = secret[:-CHECKSUM_LENGTH], secret[-CHECKSUM_LENGTH:]
    return bool(body) and hmac.compare_digest(_checksum(body).encode(), checksum.encode())


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def digest_secret(secret: str) -> bytes:
    """What is stored of a secret: HMAC-SHA256 (32 bytes) under the newest pepper.

    Only for secrets with 128 random bits or more: those need no slow hash.
    """
    return _digest(secret, settings.PEPPERS[0])


def possible_digests(secret: str) -> list[bytes]:
    """What may be stored of a secret, newest pepper first: to look a row up by `digest__in`."""
    return [_digest(secret, pepper) for pepper in settings.PEPPERS]


def secret_matches(secret: str, digest: bytes) -> bool:
    """Whether a digest is the secret's under any pepper of the rotation list, in constant time."""
    matches = [hmac.compare_digest(made, digest) for made in possible_digests(secret)]
    return any(matches)


def needs_new_digest(secret: str, digest: bytes) -> bool:
    """Whether a digest that matches was made with an older pepper and should be stored anew."""
    return not hmac.compare_digest(digest_secret(secret), digest)


def _digest(secret: str, pepper: str) -> bytes:
    return hmac.digest(pepper.encode(), secret.encode(), hashlib.sha256)
