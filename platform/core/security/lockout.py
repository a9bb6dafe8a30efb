"""Counts failed attempts in Redis and closes the door for a while; knows no passwords, no HTTP."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.conf import settings
from redis.exceptions import RedisError

from core.errors import UnavailableError
from core.redis_client import limits_client

if TYPE_CHECKING:
    from collections.abc import Iterable

# KEYS: one counter a subject; ARGV: failures allowed of each.
# Answers the milliseconds until the last closed door opens, 0 when all are open.
LOCKED_FOR = """
local wait = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[i]) then
    wait = math.max(wait, redis.call('PTTL', key))
  end
end
return wait
"""

# The beginning of those that count: ends with the milliseconds to wait when a door is closed.
LOOK = """
local wait = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[2 * i - 1]) then
    wait = math.max(wait, redis.call('PTTL', key), 1)
  end
end
if wait > 0 then
  return wait
end
"""

# KEYS: one counter a subject; ARGV: failures allowed and seconds of each, in turn. Looks and counts
# in one step: of callers who were wrong at the same moment no more are counted, and told so, than
# are allowed. The failure that closes the door starts its time anew, so that a lock is always as
# long as it says. Answers the milliseconds to wait, 0 when it was counted.
NOTE_FAILURE = (
    LOOK
    + """
for i, key in ipairs(KEYS) do
  local count = redis.call('INCR', key)
  if count == 1 or count == tonumber(ARGV[2 * i - 1]) then
    redis.call('EXPIRE', key, ARGV[2 * i])
  end
end
return 0
"""
)

# KEYS and ARGV as in LOCKED_FOR. Looks at all and forgets the failures of the first in one step.
# Answers the milliseconds to wait, 0 when they are forgotten.
NOTE_SUCCESS = """
local wait = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[i]) then
    wait = math.max(wait, redis.call('PTTL', key), 1)
  end
end
if wait == 0 then
  redis.call('DEL', KEYS[1])
end
return wait
"""

# KEYS and ARGV as in NOTE_FAILURE. Counts before anybody knows how it ends. Answers the
# milliseconds to wait, 0 when it was counted.
TAKE_ATTEMPT = (
    LOOK
    + """
for i, key in ipairs(KEYS) do
  if redis.call('INCR', key) == 1 then
    redis.call('EXPIRE', key, ARGV[2 * i])
  end
end
return 0
"""
)


class AttemptsUnknownError(UnavailableError):
    """Failed attempts cannot be counted now, and without counting nobody may try."""

    code = "limits_unavailable"
    title = "Calls cannot be counted now."


@dataclass(frozen=True, slots=True)
class Subject:
    """Something whose failures are counted together.

    Attributes:
        kind: what it is, e.g. "login-account"; part of the counter's name.
        name: which one; kept only as a hash, since it may be what somebody typed.
        failures: so many close the door.
        seconds: for so long; also how long fewer failures are remembered.
    """

    kind: str
    name: str
    failures: int
    seconds: int

    @property
    def key(self) -> str:
        digest = hashlib.sha256(self.name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return f"{settings.REDIS_KEY_PREFIX}lockout:{self.kind}:{digest}"


def locked_for(subjects: Iterable[Subject]) -> int:
    """Seconds, rounded up, until all of these may try again; 0: now.

    It spares the work of an attempt, and decides nothing: many may look at the same moment. What
    an attempt may tell is decided by `note_failure` and `note_success`, when it is over.

    Raises:
        AttemptsUnknownError: Redis is away.
    """
    listed = list(subjects)
    return _run(LOCKED_FOR, listed, [subject.failures for subject in listed])


def note_failure(subjects: Iterable[Subject]) -> int:
    """Count one failure of each, unless one of them has had its number while this one was tried.

    Returns:
        0: counted; the caller may be told that it was wrong. Else the seconds, rounded up, after
        which it may be tried again: the caller learns that and nothing else.

    Raises:
        AttemptsUnknownError: Redis is away.
    """
    listed = list(subjects)
    limits = [number for subject in listed for number in (subject.failures, subject.seconds)]
    return _run(NOTE_FAILURE, listed, limits)


def note_success(subjects: Iterable[Subject]) -> int:
    """The first starts anew, unless one of them has had its number while this one was tried.

    Returns:
        0: it counts. Else the seconds as of `note_failure`: who was right must then not be told
        apart from who was wrong, or guessing at one moment would know no limit.

    Raises:
        AttemptsUnknownError: Redis is away.
    """
    listed = list(subjects)
    return _run(NOTE_SUCCESS, listed, [subject.failures for subject in listed])


def take_attempt(subjects: Iterable[Subject]) -> int:
    """Count one attempt of each, whatever becomes of it, unless one of them has had its number.

    Returns:
        0: counted. Else the seconds, rounded up, after which it may be tried again; nothing was
        counted then.

    Raises:
        AttemptsUnknownError: Redis is away.
    """
    listed = list(subjects)
    limits = [number for subject in listed for number in (subject.failures, subject.seconds)]
    return _run(TAKE_ATTEMPT, listed, limits)


def forget_failures(subjects: Iterable[Subject]) -> None:
    """These start anew, closed or not. Raises AttemptsUnknownError."""
    try:
        limits_client().delete(*(subject.key for subject in subjects))
    except RedisError as error:
        raise AttemptsUnknownError(retry_after=1) from error


def _run(script: str, subjects: list[Subject], arguments: list[int]) -> int:
    """What the script answers, in seconds, rounded up."""
    keys = [subject.key for subject in subjects]
    try:
        answer = limits_client().eval(script, len(keys), *keys, *arguments)
    except RedisError as error:
        raise AttemptsUnknownError(retry_after=1) from error
    return -(-cast("int", answer) // 1000)
