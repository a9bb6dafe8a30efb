"""Events this app publishes: their names, and the payloads they carry (schema version 1)."""

from __future__ import annotations

APPLICATION_CREATED = "application.created"
APPLICATION_SUSPENDED = "application.suspended"
APPLICATION_RESUMED = "application.resumed"
APPLICATION_CLOSED = "application.closed"
"""{"name"}; never a reason, which is staff's own business."""

KEY_CREATED = "api_key.created"
KEY_ROTATED = "api_key.rotated"
KEY_REVOKED = "api_key.revoked"
"""{"application_id", "name", "prefix"}; of a rotated one also {"replaced_by", "expires_at"}."""

OAUTH_CLIENT_CREATED = "oauth_client.created"
OAUTH_CLIENT_REVOKED = "oauth_client.revoked"
"""{"application_id", "name", "client_id"}."""
