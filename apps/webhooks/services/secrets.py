"""The secrets that sign deliveries: made, kept sealed, rotated with an overlap.

Standard Webhooks 1.0.0, section "Signature scheme": `whsec_` and base64 of 24 to 64 random bytes.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F

from apps.webhooks.errors import RotationRunningError
from apps.webhooks.models import WebhookEndpoint
from apps.webhooks.services.announcing import record_endpoint
from apps.webhooks.services.locking import lock_own_endpoint
from core.security.sealing import UnsealableError, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from core.security.principal import Principal

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class IssuedEndpoint:
    """An endpoint with a secret just made.

    Attributes:
        row: what is kept of it.
        secret: as its receiver needs it, `whsec_…`; nobody can read it again.
    """

    row: WebhookEndpoint
    secret: str


def make_signing_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def text_of(secret: bytes) -> str:
    """As receivers' libraries take it."""
    return PREFIX + base64.b64encode(secret).decode()


def seal_secret(secret: bytes) -> bytes:
    return seal(secret, settings.WEBHOOK_KEYS)


def signing_secrets(endpoint: WebhookEndpoint, *, now: datetime) -> list[bytes]:
    """What signs a delivery of this moment, the newest first; two while a rotation overlaps.

    Raises:
        core.security.sealing.UnsealableError: WEBHOOK_KEYS lacks the key it was sealed under.
    """
    sealed = [endpoint.secret]
    until = endpoint.previous_secret_until
    if endpoint.previous_secret is not None and until is not None and now < until:
        sealed.append(endpoint.previous_secret)
    return [unseal(bytes(each), settings.WEBHOOK_KEYS) for each in sealed]


@transaction.atomic
def rotate_secret(
    *,
    endpoint_id: UUID,
    expire_previous_now: bool,
    check: Callable[[WebhookEndpoint], None],
    actor: Principal,
    now: datetime,
) -> IssuedEndpoint:
    """Make a new secret. The old one signs beside it for WEBHOOK_SECRET_OVERLAP_SECONDS, or not.

    There are never more than two: to rotate again within the overlap would end the oldest, which
    may be the only one that the receiver has, as when the last answer was lost.

    Args:
        endpoint_id: which.
        expire_previous_now: all that there are end at once; the overlap is not waited for.
        check: called with the locked row, to raise when the caller has seen an older one.
        actor: its application's owner, or the application.
        now: aware, UTC.

    Raises:
        EndpointNotFoundError.
        RotationRunningError: the overlap of the last rotation runs, and is not to be cut short.
    """
    endpoint = lock_own_endpoint(endpoint_id, actor)
    check(endpoint)
    if not expire_previous_now:
        _check_no_overlap(endpoint, now)
    secret = make_signing_secret()
    before = {"rotation_ends_at": endpoint.previous_secret_until}
    if expire_previous_now:
        endpoint.previous_secret = endpoint.previous_secret_until = None
    else:
        overlap = timedelta(seconds=settings.WEBHOOK_SECRET_OVERLAP_SECONDS)
        endpoint.previous_secret, endpoint.previous_secret_until = endpoint.secret, now + overlap
    endpoint.secret = seal_secret(secret)
    endpoint.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
    after = {"rotation_ends_at": endpoint.previous_secret_until}
    record_endpoint("secret_rotated", endpoint, actor, before=before, after=after)
    return IssuedEndpoint(endpoint, text_of(secret))


def _check_no_overlap(endpoint: WebhookEndpoint, now: datetime) -> None:
    until = endpoint.previous_secret_until
    if until is not None and now < until:
        ends = until.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        raise RotationRunningError(f"The secret from before signs until {ends}.")


def reseal_secrets() -> int:
    """Seal under the newest of WEBHOOK_KEYS whatever lies under an older one; how many endpoints.

    Afterwards the older keys may be taken from the list. Deleted endpoints count too: their rows
    stay. Safe to repeat, and beside everything else; it moves no ETag.

    Raises:
        core.security.sealing.UnsealableError: a secret is under a key that is not in the list.
    """
    keys = WebhookEndpoint.objects.order_by("pk").values_list("pk", flat=True)
    return sum(_reseal(key) for key in list(keys))


@transaction.atomic
def _reseal(endpoint_id: UUID) -> bool:
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
    sealed = {"secret": endpoint.secret, "previous_secret": endpoint.previous_secret}
    old = {name: bytes(text) for name, text in sealed.items() if text and _is_old(bytes(text))}
    if old:
        anew = {
            name: seal_secret(unseal(text, settings.WEBHOOK_KEYS)) for name, text in old.items()
        }
        same = {name: F(name) for name in ("row_version", "updated_at")}
        WebhookEndpoint.objects.filter(pk=endpoint_id).update(**anew, **same)
    return bool(old)


def _is_old(sealed: bytes) -> bool:
    try:
        unseal(sealed, settings.WEBHOOK_KEYS[:1])
    except UnsealableError:
        return True
    return False
