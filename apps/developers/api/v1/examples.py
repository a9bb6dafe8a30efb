"""What the schema shows of applications, their credentials and their limits."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from core.api.schema import problem as problem  # noqa: PLC0414 - views take it from here

APPLICATION_ID = "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47"
KEY_ID = "0198f2c5-1b2c-7d4e-8f60-718293a4b5c6"
NEXT_KEY_ID = "0198f2c6-2c3d-7e5f-9071-8293a4b5c6d7"

APPLICATION = {
    "id": APPLICATION_ID,
    "name": "Shop assistant",
    "description": "Tells a shop which visitors will buy.",
    "website": "https://assistant.example.org",
    "status": "active",
    "plan": "starter",
    "suspended_at": None,
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
}
KEY = {
    "id": KEY_ID,
    "application_id": APPLICATION_ID,
    "name": "Nightly import",
    "prefix": "sk_4hTq81Zx",
    "status": "live",
    "scopes": ["models:read", "predictions:create"],
    "read_only": False,
    "networks": ["203.0.113.0/24"],
    "expires_at": "2026-09-01T00:00:00Z",
    "last_used_at": "2026-03-02T08:30:00Z",
    "revoked_at": None,
    "replaced_by_id": None,
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
}
ISSUED = {**KEY, "last_used_at": None, "key": "sk_4hTq81Zx…"}
LIMITS = {
    "plan": {"name": "starter", "title": "Starter", "description": "To try things out."},
    "limits": [
        {
            "work": "predict",
            "title": "Predictions",
            "policies": [
                {
                    "name": "burst",
                    "quota": 1000,
                    "window_seconds": 1,
                    "remaining": 1000,
                    "reset_seconds": 0,
                },
                {
                    "name": "daily",
                    "quota": 1000000,
                    "window_seconds": 86400,
                    "remaining": 998760,
                    "reset_seconds": 41020,
                },
                {
                    "name": "concurrent",
                    "quota": 20,
                    "window_seconds": None,
                    "remaining": 19,
                    "reset_seconds": None,
                },
            ],
        }
    ],
}


def sent(value: object) -> OpenApiExample:
    return OpenApiExample("request", value=value, request_only=True)


def answered(value: object, status: int = 200) -> OpenApiExample:
    return OpenApiExample("answer", value=value, response_only=True, status_codes=[str(status)])


LIST_APPLICATIONS = [answered(APPLICATION)]
SHOW_APPLICATION = [answered(APPLICATION)]
CREATE_APPLICATION = [
    sent(
        {
            "name": "Shop assistant",
            "description": "Tells a shop which visitors will buy.",
            "website": "https://assistant.example.org",
        }
    ),
    answered(APPLICATION, 201),
]
CHANGE_APPLICATION = [sent({"name": "Shop assistant"}), answered(APPLICATION)]

LIST_KEYS = [answered(KEY)]
SHOW_KEY = [answered(KEY)]
CREATE_KEY = [
    sent(
        {
            "name": "Nightly import",
            "scopes": ["models:read", "predictions:create"],
            "networks": ["203.0.113.0/24"],
            "expires_at": "2026-09-01T00:00:00Z",
        }
    ),
    answered(ISSUED, 201),
]
CHANGE_KEY = [sent({"scopes": ["predictions:create"]}), answered(KEY)]
ROTATE_KEY = [sent({"overlap_seconds": 3600}), answered({**ISSUED, "id": NEXT_KEY_ID}, 201)]

SHOW_LIMITS = [answered(LIMITS)]
