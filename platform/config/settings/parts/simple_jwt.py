"""Access and refresh tokens. The signing key is not Django's SECRET_KEY and rotates by a list."""

from __future__ import annotations

from datetime import timedelta

from config.settings.env import env_secrets

JWT_SIGNING_KEYS = env_secrets("JWT_KEYS", minimum_length=32)  # newest first: it signs, all verify
ACCESS_TOKEN_SECONDS = 900
REFRESH_TOKEN_SECONDS = 14 * 24 * 3600

SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": JWT_SIGNING_KEYS[0],
    "ISSUER": "agora",
    "AUDIENCE": "agora-api",
    "LEEWAY": 10,  # seconds of clock skew between processes
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=ACCESS_TOKEN_SECONDS),
    "REFRESH_TOKEN_LIFETIME": timedelta(seconds=REFRESH_TOKEN_SECONDS),
    "USER_ID_CLAIM": "sub",
    "AUTH_HEADER_TYPES": ("Bearer",),
    "UPDATE_LAST_LOGIN": False,
}
