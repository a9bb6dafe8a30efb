"""Which client is calling, and how often somebody may be wrong about that."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from django.db import transaction
from oauthlib.oauth2.rfc6749 import errors

from core.errors import QuotaExceededError
from core.security import lockout
from core.security.lockout import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOCK_SECONDS: Final = 15 * 60
CLIENT_FAILURES: Final = 10
ADDRESS_FAILURES: Final = 100  # many clients can share one address


@dataclass(slots=True)
class Attempt:
    """One try to authenticate as a client; whoever runs it says how it went.

    Most answers say neither: a call may be refused before anybody looks at the secret, and must
    not wipe out the wrong ones before it.

    Attributes:
        has_failed: the client is not who it says.
        has_succeeded: it got what it asked for.
    """

    has_failed: bool = False
    has_succeeded: bool = False


@contextmanager
def guarded(client_id: str, address: str) -> Iterator[Attempt]:
    """Refuse whoever was wrong too often, and count.

    A client is counted by address: its id is no secret, so anybody could lock out everybody's
    tokens with ten wrong calls if all addresses shared a counter. Guessing from many addresses gets
    nobody further, since a secret has 256 random bits.

    Whether the door is open is asked before and after: of many calls at once, no more are told
    that they were wrong than are allowed, and the right one among the others is told no more than
    they are. What it got is taken back.

    Raises:
        QuotaExceededError: even the right secret is refused for a while.
        core.security.lockout.AttemptsUnknownError: failures cannot be counted.
    """
    subjects = [
        Subject("oauth-client", f"{client_id}\n{address}", CLIENT_FAILURES, LOCK_SECONDS),
        Subject("oauth-address", address, ADDRESS_FAILURES, LOCK_SECONDS),
    ]
    _refuse_for(lockout.locked_for(subjects))
    attempt = Attempt()
    with transaction.atomic():
        yield attempt
        if attempt.has_succeeded:
            _refuse_for(lockout.note_success(subjects))
    if attempt.has_failed:
        _refuse_for(lockout.note_failure(subjects))
    elif not attempt.has_succeeded:  # what was ended for a mistake stays ended
        _refuse_for(lockout.locked_for(subjects))


def _refuse_for(seconds: int) -> None:
    if seconds:
        raise QuotaExceededError(
            f"Too many failed attempts. Try again in {seconds} seconds.", retry_after=seconds
        )


def read_client(form: Mapping[str, str], authorization: str | None) -> dict[str, str]:
    """The client's id, and its secret when it sent one: by HTTP Basic or in the form, not by both.

    Raises:
        InvalidRequestError: two ways at once (RFC 6749 section 2.3).
        InvalidClientError: a header that cannot be read; or no client at all.
    """
    sent = {name: form[name] for name in ("client_id", "client_secret") if form.get(name)}
    if authorization is None:
        if "client_id" not in sent:
            raise errors.InvalidClientError
        return sent
    client_id, secret = _read_basic(authorization)
    if "client_secret" in sent or sent.get("client_id", client_id) != client_id:
        raise errors.InvalidRequestError(description="One way to authenticate, please.")
    return {"client_id": client_id, "client_secret": secret}


def _read_basic(header: str) -> tuple[str, str]:
    """RFC 7617, with each half encoded like a form (RFC 6749 section 2.3.1).

    Nobody has a NUL in either half, and PostgreSQL cannot be asked about one.
    """
    scheme, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError as error:  # no base64, or of no UTF-8
        raise errors.InvalidClientError from error
    client_id, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon or not client_id:
        raise errors.InvalidClientError
    halves = unquote_plus(client_id), unquote_plus(secret)
    if any("\x00" in half for half in halves):
        raise errors.InvalidClientError
    return halves
