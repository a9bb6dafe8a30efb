"""What the schema shows: one person's way from registering to a changed password."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from core.api.schema import problem

ACCESS = "eyJhbGciOiJIUzI1NiIsImtpZCI6…"
REFRESH = "eyJhbGciOiJIUzI1NiIsImtpZCI6…"
USER_ID = "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47"

PROFILE = {
    "id": USER_ID,
    "username": "alice",
    "display_name": "Alice Liddell",
    "bio": "Curious.",
    "created_at": "2026-03-01T12:00:00Z",
}
ME = {
    **PROFILE,
    "email": "alice@example.org",
    "email_verified_at": "2026-03-01T12:05:00Z",
    "pending_email": "",
    "is_staff": False,
    "updated_at": "2026-03-02T08:30:00Z",
}
TOKENS = {"access": ACCESS, "refresh": REFRESH, "token_type": "Bearer", "expires_in": 900}
CREDENTIAL = {
    "credential": "jwt",
    "user_id": USER_ID,
    "username": "alice",
    "application_id": None,
    "application_name": "",
    "scopes": ["models:read", "predictions:create", "profile:read", "profile:write"],
    "plan": "default",
    "is_staff": False,
    "read_only": False,
    "networks": [],
    "issued_at": "2026-03-02T08:30:00Z",
    "expires_at": "2026-03-02T08:45:00Z",
}


def sent(value: object) -> OpenApiExample:
    return OpenApiExample("request", value=value, request_only=True)


def answered(value: object, status: int = 200) -> OpenApiExample:
    return OpenApiExample("answer", value=value, response_only=True, status_codes=[str(status)])


WRONG_CREDENTIALS = problem(401, "invalid_credentials", "invalid_token")
WRONG_TOKEN = problem(401, "invalid_token", "token_expired", "token_reused")

REGISTER = [
    sent(
        {
            "username": "alice",
            "email": "alice@example.org",
            "password": "correct horse battery",
            "display_name": "Alice Liddell",
        }
    ),
    answered(
        {"username": "alice", "email": "alice@example.org", "display_name": "Alice Liddell"}, 201
    ),
]
LOGIN = [sent({"username": "alice", "password": "correct horse battery"}), answered(TOKENS)]
REFRESH_LOGIN = [sent({"refresh": REFRESH}), answered(TOKENS)]
LOGOUT = [sent({"refresh": REFRESH})]
SHOW_ME = [answered(ME)]
CHANGE_ME = [sent({"bio": "Curious."}), answered(ME)]
SHOW_PROFILE = [answered(PROFILE)]
SHOW_TOKEN = [answered(CREDENTIAL)]
CHANGE_PASSWORD = [
    sent({"current_password": "correct horse battery", "new_password": "staple of the horse"}),
    answered(TOKENS),
]
CHANGE_EMAIL = [
    sent({"email": "alice@example.com", "current_password": "correct horse battery"}),
    answered({"pending_email": "alice@example.com"}, 202),
]
CONFIRM_EMAIL = [sent({"confirmation": "WyIwMTk4ZjJjNC03ZDFl…"})]
REQUEST_RESET = [
    sent({"email": "alice@example.org"}),
    answered({"email": "alice@example.org"}, 202),
]
RESET = [sent({"token": "WyIwMTk4ZjJjNC03ZDFl…", "password": "staple of the horse"})]
