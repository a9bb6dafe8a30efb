"""One effect a key: run it and keep its answer in the same transaction, or replay what was kept."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import ExpressionWrapper, Q
from django.db.models.fields import BooleanField
from django.db.models.functions import Now

from core.db.locks import try_lock_name
from core.errors import ConflictError
from core.idempotency.errors import (
    InProgressError,
    InvalidKeyError,
    MissingKeyError,
    ReusedKeyError,
)
from core.limits import (
    IDEMPOTENCY_FINISH_SECONDS,
    IDEMPOTENCY_KEEP_HOURS,
    IDEMPOTENCY_KEY_MAX,
    IDEMPOTENCY_RETRY_AFTER,
)
from core.models import IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

# A structured field's string (draft-ietf-httpapi-idempotency-key-header-06 section 2.1), or bare,
# as most clients send it. Bare, it has no comma: of two headers the server makes one, with a comma
# between them (RFC 9110 section 5.3), and two keys are not the key that the next try sends.
KEY = re.compile(
    rf'(?:"([\x21\x23-\x5b\x5d-\x7e]{{1,{IDEMPOTENCY_KEY_MAX}}})")'
    rf"|([\x21\x23-\x2b\x2d-\x7e]{{1,{IDEMPOTENCY_KEY_MAX}}})",
    re.ASCII,
)
SUCCESSES = range(200, 300)  # statuses
CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Scope:
    """Within what a key is one key: the same text from elsewhere is another.

    Attributes:
        route: the route's template, not the path, e.g. "api/v1/batch-predictions".
    """

    application_id: UUID | None
    user_id: UUID
    method: str
    route: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it was sent: what a replay repeats.

    Attributes:
        headers: those worth repeating, e.g. Content-Type, Location, ETag; none of this request
            alone, such as its id or what is left of its limits.
        is_unfinished: more work follows the commit, and with it another answer; until then, for
            IDEMPOTENCY_FINISH_SECONDS at most, a repetition is told to wait.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    is_unfinished: bool = False

    @property
    def is_success(self) -> bool:
        return self.status in SUCCESSES

    @property
    def is_kept(self) -> bool:
        """An effect, or a refusal by the state of things; the rest may be tried again as it is."""
        return self.is_success or self.status == CONFLICT


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to answer, and whether it is the repetition of an earlier answer."""

    answer: StoredAnswer
    replayed: bool


def parse_key(header: str | None) -> str:
    """The key in an Idempotency-Key header, without its quotes.

    Raises:
        MissingKeyError: there is no header.
        InvalidKeyError: it is empty, longer than 255 characters, not visible ASCII, or two.
    """
    if header is None:
        raise MissingKeyError
    match = KEY.fullmatch(header.strip())
    if match is None:
        raise InvalidKeyError
    return match[1] or match[2]


def run_once(
    scope: Scope,
    key: str,
    fingerprint: bytes,
    execute: Callable[[], StoredAnswer],
    *,
    refuse: Callable[[ConflictError], StoredAnswer] | None = None,
) -> Outcome:
    """Execute unless the key has an answer; effect and answer commit together.

    Must be outermost: `execute` runs in the transaction that it opens. An answer of 2xx is kept
    with its effect; one of 409 is kept and its effect undone; any other answer and any exception
    leave nothing behind, so that the same key may be tried again.

    Args:
        scope: within what the key is one key.
        key: from parse_key.
        fingerprint: of the request, 32 bytes.
        execute: does the work and renders the answer.
        refuse: renders a ConflictError that `execute` raises, to be kept; without it, such an
            error passes through and nothing is kept.

    Raises:
        InProgressError: the first call with this key has not ended.
        ReusedKeyError: the key has an answer, to another request.
    """
    try:
        return _run(scope, key, fingerprint, lambda: _succeed(execute, refuse))
    except _UndoneError as undone:
        refusal = undone.answer
    if not refusal.is_kept:
        return Outcome(refusal, replayed=False)
    # The lock went with the transaction. Whoever has been faster since then has the key.
    return _run(scope, key, fingerprint, lambda: refusal)


def _run(
    scope: Scope, key: str, fingerprint: bytes, execute: Callable[[], StoredAnswer]
) -> Outcome:
    """One transaction: what the key has, or what `execute` gives, which is kept."""
    with transaction.atomic(durable=True):
        if not try_lock_name("idempotency", *_names(scope, key)):
            raise InProgressError(retry_after=IDEMPOTENCY_RETRY_AFTER)
        kept = _find(scope, key, fingerprint)
        if kept is not None:
            return Outcome(kept, replayed=True)
        answer = execute()
        _keep(scope, key, fingerprint, answer)
        return Outcome(answer, replayed=False)


def _names(scope: Scope, key: str) -> tuple[str, ...]:
    return (str(scope.application_id), str(scope.user_id), scope.method, scope.route, key)


def rows_of(scope: Scope, key: str) -> Q:
    return Q(
        application_id=scope.application_id,
        user_id=scope.user_id,
        method=scope.method,
        route=scope.route,
        key=key,
    )


def _find(scope: Scope, key: str, fingerprint: bytes) -> StoredAnswer | None:
    """Caller holds the lock on the key."""
    is_over = ExpressionWrapper(Q(expires_at__lte=Now()), output_field=BooleanField())
    is_unfinished = ExpressionWrapper(Q(unfinished_until__gt=Now()), output_field=BooleanField())
    rows = IdempotencyKey.objects.annotate(is_over=is_over, is_unfinished=is_unfinished)
    row = rows.filter(rows_of(scope, key)).first()
    if row is None:
        return None
    if row.is_over:
        row.delete()
        return None
    if not hmac.compare_digest(bytes(row.fingerprint), fingerprint):
        raise ReusedKeyError("Send a new key with a new request.")
    if row.is_unfinished:
        raise InProgressError(retry_after=IDEMPOTENCY_RETRY_AFTER)
    return StoredAnswer(row.response_status, bytes(row.response_body), row.response_headers)


class _UndoneError(Exception):
    """Carries an answer out of the transaction whose effect it must not leave."""

    def __init__(self, answer: StoredAnswer) -> None:
        self.answer = answer


def _succeed(
    execute: Callable[[], StoredAnswer], refuse: Callable[[ConflictError], StoredAnswer] | None
) -> StoredAnswer:
    """An answer whose effect is to stay. Raises _UndoneError with any other."""
    try:
        answer = execute()
    except ConflictError as error:
        if refuse is None:
            raise
        raise _UndoneError(refuse(error)) from error
    if not answer.is_success:
        raise _UndoneError(answer)
    return answer


def _keep(scope: Scope, key: str, fingerprint: bytes, answer: StoredAnswer) -> None:
    IdempotencyKey.objects.create(
        application_id=scope.application_id,
        user_id=scope.user_id,
        method=scope.method,
        route=scope.route,
        key=key,
        fingerprint=fingerprint,
        response_status=answer.status,
        response_headers=dict(answer.headers),
        response_body=answer.body,
        expires_at=Now() + timedelta(hours=IDEMPOTENCY_KEEP_HOURS),
        unfinished_until=(
            Now() + timedelta(seconds=IDEMPOTENCY_FINISH_SECONDS) if answer.is_unfinished else None
        ),
    )
