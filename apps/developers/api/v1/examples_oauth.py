"""What the schema shows of OAuth clients and of what people have authorised."""

from __future__ import annotations

from apps.developers.api.v1.examples import APPLICATION_ID, answered, sent

CLIENT = {
    "id": "0198f2c7-3d4e-7f60-8192-a3b4c5d6e7f8",
    "application_id": APPLICATION_ID,
    "client_id": "gQ7vWm2cYx0KpTz5LrN8bHfJ4sDeAu1oVi9R6kXt",
    "name": "Web shop",
    "grant": "authorization_code",
    "client_type": "confidential",
    "redirect_uris": ["https://assistant.example.org/callback"],
    "scopes": ["models:read", "predictions:create"],
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
}
WITH_SECRET = {**CLIENT, "client_secret": "ocs_…"}
AUTHORIZATION = {
    "application_id": APPLICATION_ID,
    "application_name": "Shop assistant",
    "application_description": "Tells a shop which visitors will buy.",
    "website": "https://assistant.example.org",
    "owner_username": "alice",
    "scopes": ["models:read", "predictions:create"],
    "given_at": "2026-03-02T08:30:00Z",
    "last_used_at": "2026-03-04T09:15:00Z",
}

LIST_CLIENTS = [answered(CLIENT)]
SHOW_CLIENT = [answered(CLIENT)]
CREATE_CLIENT = [
    sent(
        {
            "name": "Web shop",
            "grant": "authorization_code",
            "client_type": "confidential",
            "redirect_uris": ["https://assistant.example.org/callback"],
            "scopes": ["models:read", "predictions:create"],
        }
    ),
    answered(WITH_SECRET, 201),
]
CHANGE_CLIENT = [sent({"scopes": ["models:read", "predictions:create"]}), answered(CLIENT)]
ROTATE_SECRET = [answered(WITH_SECRET)]
LIST_AUTHORIZATIONS = [answered({"results": [AUTHORIZATION]})]
