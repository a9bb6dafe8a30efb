"""Calls running at once, counted in Redis over all processes; given back off the path of the call.

Each process has one field in a caller's hash: how many slots it holds, until when that may be
believed, and which of its messages said so. Asking adds to the count, by the script that decides
the rates as well; giving back takes away from it, later, in a thread. While no other question is on
its way, a message says the whole count instead of a difference: so a call is never refused for the
one before it, whose slot is still being given back, and whatever a lost message has left behind is
healed. The count of a process that was killed runs out by itself.

Where a limit is wide, a process takes a few slots more than it needs, so that most calls need no
round trip, as with rates (ADR 6).
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings
from redis.exceptions import RedisError

from core.redis_client import Script

SLOT_SECONDS: Final = 15.0  # how long a process's word is believed; renewed while calls run
RENEW_SECONDS: Final = 5.0  # after its last message a process renews what it holds
SPARE_SHARE: Final = 50  # slots taken ahead: the limit over this
SPARE_MIN: Final = 4  # fewer save too little: then every call asks
LINGER_SECONDS: Final = 0.2  # slots that nobody needs go back after this
CROWDED_SHARE: Final = 4  # with more than the limit over this in use, they go back at once
IDLE_SECONDS: Final = 30.0  # without a caller; then the thread ends

# KEYS[1]: the caller's hash. ARGV: field, number of the message, how ("give": so many fewer;
# "hold": so many, unless something newer was said), slots, milliseconds they hold. A value is
# "count:expiry:number of the last message that said the whole count:number of the last message".
# Answers 1, or 0 when it came too late to be believed.
REPORT: Final = """
local count, whole, last, number = 0, 0, 0, tonumber(ARGV[2])
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if stored then
  local a, b, c = string.match(stored, '(%d+):%d+:(%d+):(%d+)')
  count, whole, last = tonumber(a), tonumber(b), tonumber(c)
end
if ARGV[3] == 'hold' then
  if last > number then return {0} end
  count, whole = tonumber(ARGV[4]), number
elseif whole > number then
  return {1}
else
  count = math.max(0, count - tonumber(ARGV[4]))
end
if count == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return {1}
end
local time = redis.call('TIME')
local expiry = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[5])
last = math.max(last, number)
local said = string.format('%.0f:%.0f:%.0f:%.0f', count, expiry, whole, last)
redis.call('HSET', KEYS[1], ARGV[1], said)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {1}
"""
_report = Script(REPORT)


def spare_of(concurrent: int) -> int:
    """Slots a process takes beyond those it needs; 0: none."""
    spare = concurrent // SPARE_SHARE
    return spare if spare >= SPARE_MIN else 0


def slots_key(scope: str, identity: str) -> str:
    return f"{settings.REDIS_KEY_PREFIX}slots:{scope}:{identity}"


@dataclass(slots=True)
class Pool:
    """One caller's calls of one class, as this process runs them.

    Attributes:
        key: of the caller's hash in Redis.
        spare: slots taken beyond those needed.
        field: this process's name in the hash.
        number: of the last message; each is greater than the one before.
        running: calls that have a slot.
        asking: calls that are asking Redis for one.
        granted: slots that Redis counts for us, as far as we know.
        crowded: many slots of the caller are in use, so that others may be waiting for ours.
        doubtful: a message may or may not have arrived.
        said_at: monotonic seconds; when Redis last heard of us.
        rested_at: monotonic seconds; since when no call runs.
    """

    key: str
    spare: int
    field: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    number: int = 0
    running: int = 0
    asking: int = 0
    granted: int = 0
    crowded: bool = False
    doubtful: bool = False
    said_at: float = 0.0
    rested_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Bid:
    """What to tell Redis when asking for a slot.

    Attributes:
        whole: slots we hold beside the one asked for; -1: others are asking at the same time, so
            nobody knows.
    """

    pool: Pool
    number: int
    whole: int


@dataclass(frozen=True, slots=True)
class Word:
    """What the thread tells Redis about a pool."""

    pool: Pool
    number: int
    how: str
    slots: int


class Slots:
    """The pools of one process, and the thread that gives back and renews."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self.clear)

    def enter(self, key: str, concurrent: int) -> Pool | Bid:
        """Begin a call: a pool when a slot of ours was free, else what Redis must be asked."""
        with self._lock:
            pool = self._pools.get(key)
            if pool is None:
                pool = self._pools[key] = Pool(key, spare_of(concurrent))
            fresh = time.monotonic() - pool.said_at < SLOT_SECONDS
            if pool.running < pool.granted and fresh:
                pool.running += 1
                return pool
            pool.number += 1
            pool.asking += 1
            if pool.asking > 1:
                return Bid(pool, pool.number, -1)
            pool.granted = max(pool.granted, pool.running)
            return Bid(pool, pool.number, pool.granted)

    def settle(self, bid: Bid, *, runs: bool, added: int, heard: bool, crowded: bool) -> None:
        """What became of a bid.

        Args:
            bid: from `enter`.
            runs: whether the call goes on, and will `leave`.
            added: slots added to ours.
            heard: whether Redis answered at all.
            crowded: whether many of the caller's slots are in use.
        """
        pool = bid.pool
        with self._lock:
            pool.asking -= 1
            pool.running += runs
            pool.granted += added
            pool.doubtful = pool.doubtful or not heard
            pool.crowded = crowded
            if heard:
                pool.said_at = time.monotonic()
            self._start()

    def leave(self, pool: Pool) -> None:
        """A call has ended. No round trip here."""
        with self._lock:
            pool.running -= 1
            if pool.running == 0:
                pool.rested_at = time.monotonic()
            if pool.crowded and not pool.spare:
                self._wake.set()

    def clear(self) -> None:
        """Forget everything; what Redis still counts runs out by itself."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._pools = {}
        self._thread = None

    def _start(self) -> None:
        """Caller holds the lock."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="slots", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        busy_at = time.monotonic()
        while self._thread is threading.current_thread():
            self._wake.wait(LINGER_SECONDS if self._pools else IDLE_SECONDS / 2)
            self._wake.clear()
            for word in self._due():
                self._say(word)
            with self._lock:
                if self._pools:
                    busy_at = time.monotonic()
                elif time.monotonic() - busy_at > IDLE_SECONDS:
                    self._thread = None

    def _due(self) -> list[Word]:
        """What Redis must be told now; and pools that nobody needs any more are forgotten."""
        now = time.monotonic()
        with self._lock:
            for key, pool in list(self._pools.items()):
                is_idle = not (pool.running or pool.asking or pool.granted or pool.doubtful)
                if is_idle and now - pool.rested_at > LINGER_SECONDS:
                    del self._pools[key]
            found = [self._word(pool, now) for pool in self._pools.values()]
        return [word for word in found if word is not None]

    def _word(self, pool: Pool, now: float) -> Word | None:
        """Caller holds the lock."""
        rested = pool.running == 0 and now - pool.rested_at >= LINGER_SECONDS
        keeps = pool.granted if pool.spare and not rested else min(pool.running, pool.granted)
        too_many = pool.granted - keeps
        if not (too_many or pool.doubtful or (keeps and now - pool.said_at > RENEW_SECONDS)):
            return None
        pool.granted = keeps
        pool.number += 1
        if pool.asking:
            return Word(pool, pool.number, "give", too_many)
        pool.granted = max(keeps, pool.running)
        pool.doubtful = False
        return Word(pool, pool.number, "hold", pool.granted)

    def _say(self, word: Word) -> None:
        pool = word.pool
        try:
            life = int(SLOT_SECONDS * 1000)
            said = (pool.field, word.number, word.how, word.slots, life)
            (believed,) = _report([pool.key], said)
        except RedisError:
            believed = 0
        with self._lock:
            if believed:
                pool.said_at = time.monotonic()
            else:
                pool.doubtful = True
