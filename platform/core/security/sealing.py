"""Secrets that must be read again, such as those that sign webhooks: encrypted where they rest."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.errors import InternalError

PURPOSE: Final = b"agora sealing v1"  # so that a key used elsewhere too opens nothing here


class UnsealableError(InternalError):
    """A stored secret was sealed under a key that is no longer in its list."""

    code = "secret_unreadable"
    title = "A stored secret cannot be read."


def seal(secret: bytes, keys: list[str]) -> bytes:
    """Encrypt and authenticate (Fernet: AES-128-CBC, HMAC-SHA-256) under the newest key.

    Args:
        secret: at most some kilobytes.
        keys: a rotation list of settings, newest first.
    """
    return _box(tuple(keys)).encrypt(secret)


def unseal(sealed: bytes, keys: list[str]) -> bytes:
    """What was sealed, under any key of the list.

    Raises:
        UnsealableError: none of them fits, or the bytes were changed.
    """
    try:
        return _box(tuple(keys)).decrypt(bytes(sealed))
    except InvalidToken as error:
        raise UnsealableError("None of the keys opens it.") from error


@lru_cache(maxsize=8)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    """32 bytes of a secret of any length, for this purpose alone."""
    return base64.urlsafe_b64encode(hmac.digest(key.encode(), PURPOSE, hashlib.sha256))
