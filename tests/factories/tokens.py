"""Tokens that nobody should accept, signed with the real key or not at all."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from uuid import uuid4

from django.conf import settings

from apps.accounts.services.tokens import key_id


def encoded(part) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def good_header(**changes) -> dict:
    return {"alg": "HS256", "typ": "JWT", "kid": key_id(settings.JWT_SIGNING_KEYS[0]), **changes}


def good_claims(**changes) -> dict:
    """An access token's claims, of a user that need not exist; a claim set to None is left out."""
    now = time.time()
    claims = {
        "token_type": "access",
        "iss": "agora",
        "aud": "agora-api",
        "iat": now,
        "exp": int(now) + 900,
        "jti": uuid4().hex,
        "sub": str(uuid4()),
        "fam": str(uuid4()),
        "name": "alice",
        "plan": "default",
        "staff": False,
        "scope": "profile:read",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def sign(header, claims, *, key: str | None = None, digest=hashlib.sha256) -> str:
    """Header and claims as documents, or as raw bytes where the bytes are the point."""
    text = f"{encoded(header)}.{encoded(claims)}"
    secret = settings.JWT_SIGNING_KEYS[0] if key is None else key
    return f"{text}.{encoded(hmac.digest(secret.encode(), text.encode(), digest))}"
