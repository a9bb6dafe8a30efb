"""Making, changing, rotating and revoking API keys, whose text is known to the caller alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from apps.developers import events
from apps.developers.errors import (
    InvalidKeyRulesError,
    KeyNotFoundError,
    KeyNotLiveError,
    KeyRotatedError,
    TooManyKeysError,
)
from apps.developers.models import ApiKey
from apps.developers.models.applications import PREFIX_LENGTH
from apps.developers.selectors.applications import LIVE, state_of
from apps.developers.services.announcing import (
    announce_key,
    announce_rotated_key,
    record_key,
)
from apps.developers.services.applications import check_active, lock_own_application
from apps.developers.services.granting import scope_faults
from core.errors import FieldError
from core.ids import uuid7
from core.models import Revocation
from core.security.revocation import announce_change
from core.security.tokens import digest_secret, make_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from apps.developers.models import Application
    from core.audit import Actor
    from core.security.principal import Principal

KEY_PREFIX = "sk_"
KEYS_MAX = 20  # live ones of one application
KEYS_MAX_ROTATING = 40  # while those that were rotated run out
KEY_LIFE_MIN = timedelta(seconds=60)  # an end nearer than this is a mistake, or over on arrival
KEY_LIFE_MAX = timedelta(days=366)
OVERLAP_MAX = 7 * 24 * 3600  # seconds that a rotated key may live on
OVERLAP_DEFAULT = 24 * 3600  # seconds

RULES = ("name", "scopes", "read_only", "networks", "expires_at")


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key just made.

    Attributes:
        row: what is kept of it.
        key: its text; nobody can read it again.
    """

    row: ApiKey
    key: str


@transaction.atomic
def create_key(
    *, application_id: UUID, rules: Mapping[str, Any], actor: Principal, now: datetime
) -> IssuedKey:
    """Make a key for an application of the caller's.

    Args:
        application_id: whose it will be.
        rules: a value for each of RULES; networks as `read_network` writes them.
        actor: the application's owner.
        now: aware, UTC.

    Raises:
        ApplicationNotFoundError, ApplicationSuspendedError.
        InvalidKeyRulesError: a scope that its owner cannot give, an end too near or too far.
        TooManyKeysError: there are KEYS_MAX live ones.
    """
    application = lock_own_application(application_id, actor)
    check_active(application)
    _check_rules(rules, application, now)
    _check_room(application, KEYS_MAX, now)
    issued = _issue(application, rules)
    record_key("created", issued.row, actor, before=None, after=_facts(issued.row))
    announce_key(events.KEY_CREATED, issued.row, actor=actor)
    return issued


@transaction.atomic
def change_key(  # noqa: PLR0913 - which, what, by whom, when
    *,
    application_id: UUID,
    key_id: UUID,
    changes: Mapping[str, Any],
    check: Callable[[ApiKey], None],
    actor: Principal,
    now: datetime,
) -> ApiKey:
    """Store the members of RULES that `changes` names; every process follows within 5 s.

    Args:
        application_id: whose the key is.
        key_id: which.
        changes: new values by rule; what is not named stays.
        check: called with the locked row, to raise when the caller has seen an older one.
        actor: the application's owner.
        now: aware, UTC.

    Raises:
        ApplicationNotFoundError, KeyNotFoundError, InvalidKeyRulesError.
        KeyNotLiveError: what is dead stays dead.
        KeyRotatedError: the end of a rotated key is fixed.
    """
    application = lock_own_application(application_id, actor)
    key = _lock_key(application, key_id)
    check(key)
    _check_live(key, now)
    changed = {
        rule: changes[rule]
        for rule in RULES
        if rule in changes and changes[rule] != getattr(key, rule)
    }
    if not changed:
        return key
    if "expires_at" in changed and key.replaced_by_id is not None:
        raise KeyRotatedError
    _check_rules(changed, application, now)
    before = {rule: getattr(key, rule) for rule in changed}
    for rule, value in changed.items():
        setattr(key, rule, value)
    key.save(update_fields=[*changed])
    _announce_change(key, now, "api_key_changed")
    record_key("changed", key, actor, before=before, after=changed)
    return key


@transaction.atomic
def rotate_key(  # noqa: PLR0913 - which, how, by whom, when
    *,
    application_id: UUID,
    key_id: UUID,
    overlap: timedelta,
    check: Callable[[ApiKey], None],
    actor: Principal,
    now: datetime,
) -> IssuedKey:
    """Make a successor with the same rules; the old key lives on for `overlap`, never for longer.

    A key with an end gets a successor that lives as long as it was made to, KEY_LIFE_MAX at most.

    Raises what `check` raises for the locked row, and:
        ApplicationNotFoundError, ApplicationSuspendedError, KeyNotFoundError.
        KeyNotLiveError, KeyRotatedError: of two rotations at once, the second gets the latter.
        TooManyKeysError: KEYS_MAX_ROTATING are alive.
    """
    application = lock_own_application(application_id, actor)
    check_active(application)
    key = _lock_key(application, key_id)
    check(key)
    _check_live(key, now)
    if key.replaced_by_id is not None:
        raise KeyRotatedError(f"Its successor is {key.replaced_by_id}.")
    _check_room(application, KEYS_MAX_ROTATING, now)
    issued = _issue(application, {**_facts(key), "expires_at": _same_life(key, now)})
    before = {"expires_at": key.expires_at, "revoked_at": key.revoked_at}
    _fix_end(key, overlap, now)
    key.replaced_by = issued.row
    key.save(update_fields=["replaced_by", "expires_at", "revoked_at"])
    _announce_change(key, now, "api_key_rotated")
    after = {"expires_at": key.expires_at, "revoked_at": key.revoked_at}
    successor = issued.row.pk
    record_key("rotated", key, actor, before=before, after={**after, "replaced_by": str(successor)})
    record_key("created", issued.row, actor, before=None, after=_facts(issued.row))
    ends_at = key.revoked_at or key.expires_at or now
    announce_rotated_key(key, replaced_by=successor, expires_at=ends_at, actor=actor)
    announce_key(events.KEY_CREATED, issued.row, actor=actor)
    return issued


@transaction.atomic
def revoke_own_key(
    *,
    application_id: UUID,
    key_id: UUID,
    check: Callable[[ApiKey], None],
    actor: Principal,
    now: datetime,
) -> None:
    """Kill a key of the caller's; one that is revoked stays so, without a second entry.

    Raises ApplicationNotFoundError, KeyNotFoundError.
    """
    application = lock_own_application(application_id, actor)
    key = _lock_key(application, key_id)
    check(key)
    _revoke(key, actor, "", now)


@transaction.atomic
def revoke_key(*, key_id: UUID, actor: Actor, reason: str, now: datetime) -> None:
    """Kill anybody's key: for staff. Raises KeyNotFoundError."""
    key: ApiKey | None = (
        ApiKey.objects.select_for_update(of=("self",), no_key=True).filter(pk=key_id).first()
    )
    if key is None:
        raise KeyNotFoundError
    _revoke(key, actor, reason, now)


def _revoke(key: ApiKey, actor: Actor, reason: str, now: datetime) -> None:
    if key.revoked_at is not None:
        return
    key.revoked_at = now
    key.save(update_fields=["revoked_at"])
    _announce_change(key, now, "api_key_revoked")
    before, after = {"revoked_at": None}, {"revoked_at": now}
    record_key("revoked", key, actor, before=before, after=after, reason=reason)
    announce_key(events.KEY_REVOKED, key, actor=actor)


def _issue(application: Application, rules: Mapping[str, Any]) -> IssuedKey:
    text = make_secret(KEY_PREFIX)
    row: ApiKey = ApiKey.objects.create(
        id=uuid7(),
        application=application,
        prefix=text[:PREFIX_LENGTH],
        digest=digest_secret(text),
        **{rule: rules[rule] for rule in RULES},
    )
    return IssuedKey(row, text)


def _lock_key(application: Application, key_id: UUID) -> ApiKey:
    rows = application.keys.select_for_update(of=("self",), no_key=True)
    key: ApiKey | None = rows.filter(pk=key_id).first()
    if key is None:
        raise KeyNotFoundError(f"The application has no key {key_id}.")
    return key


def _check_live(key: ApiKey, now: datetime) -> None:
    state = state_of(key, now=now)
    if state != LIVE:
        raise KeyNotLiveError(f"The key is {state}.")


def _check_room(application: Application, most: int, now: datetime) -> None:
    """Exact, since the application's row is locked."""
    if ApiKey.objects.live(now=now).filter(application=application).count() >= most:
        raise TooManyKeysError(f"An application may have {most} live keys.")


def _check_rules(rules: Mapping[str, Any], application: Application, now: datetime) -> None:
    faults = scope_faults(rules.get("scopes", ()), is_staff=application.owner.is_staff)
    expires_at = rules.get("expires_at")
    if expires_at is not None and not KEY_LIFE_MIN <= expires_at - now <= KEY_LIFE_MAX:
        detail = f"From a minute to {KEY_LIFE_MAX.days} days ahead, or null for never."
        faults.append(FieldError("out_of_range", detail, pointer="#/expires_at"))
    if faults:
        raise InvalidKeyRulesError(faults[0].detail, errors=tuple(faults))


def _same_life(key: ApiKey, now: datetime) -> datetime | None:
    if key.expires_at is None:
        return None
    return now + min(key.expires_at - key.created_at, KEY_LIFE_MAX)


def _fix_end(key: ApiKey, overlap: timedelta, now: datetime) -> None:
    """Without an overlap the key is revoked, which is live as soon as anything is."""
    if not overlap:
        key.revoked_at = now
        return
    end = now + overlap
    key.expires_at = end if key.expires_at is None else min(end, key.expires_at)


def _facts(key: ApiKey) -> dict[str, Any]:
    return {rule: getattr(key, rule) for rule in RULES}


def _announce_change(key: ApiKey, now: datetime, reason: str) -> None:
    announce_change(Revocation.Kind.CREDENTIAL, str(key.pk), now=now, reason=reason)
