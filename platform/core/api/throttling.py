"""Rate limits: all policies of a call decided by one Lua script in Redis, in at most one trip."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from django.conf import settings
from redis.exceptions import RedisError

from core.api.addresses import client_ip
from core.api.leases import Leases, lease_of
from core.api.refusals import LimitsUnavailableError
from core.api.slots import CROWDED_SHARE, SLOT_SECONDS, Bid, Slots, slots_key
from core.observability.headers import prepare
from core.observability.metrics import LIMITS_OPEN
from core.plans import WorkLimits, limits_of
from core.redis_client import Breaker, Script

if TYPE_CHECKING:
    from django.http import HttpRequest

    from core.api.slots import Pool
    from core.observability.headers import HeaderStore
    from core.security.principal import Principal

CONCURRENT: Final = "concurrent"  # name of the policy of calls at once

# Two kinds of rate. A bucket is the generic cell rate algorithm (ITU-T I.371): of a policy only one
# instant is kept, the time at which its bucket is full again ("theoretical arrival time"); a call
# of weight w moves it by w emission intervals and is refused when it would lie further ahead than
# the period. A day is a count that starts anew at midnight UTC. Calls at once are counted in a
# hash of the processes that run them: core.api.slots.
#
# KEYS[1]: "name=state" of each policy, parted by spaces; the state of a bucket is its instant in
#   microseconds, of a day "count@day". KEYS[2]: the hash of slots.
# ARGV: weight (0: nothing is charged), number of policies, limit of calls at once (0: none), and
#   for those: field, number of the message, slots wanted (1; 0: only look), spare, milliseconds,
#   slots held by then (-1: as counted).
#   Then name, kind, quota and period in microseconds of each policy.
# Answers 1 or 0, slots in use, slots added, 1 when there was no slot; then for each policy what
# remains, the microseconds until it is whole again, and those to wait for this weight (< 1: none).
DECIDE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local known = {}
local stored = redis.call('GET', KEYS[1])
if stored then
  for name, state in string.gmatch(stored, '(%S+)=(%S+)') do known[name] = state end
end
local weight, policies, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local allowed, used, added, full, first = 1, 0, 0, 0, 4
local mine, whole, last, says = 0, 0, 0, false
if most > 0 then
  local number, wanted, spare = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
  local held = tonumber(ARGV[9])
  first = 10
  local fields = redis.call('HGETALL', KEYS[2])
  for i = 1, #fields, 2 do
    local count, expiry, a, b = string.match(fields[i + 1], '(%d+):(%d+):(%d+):(%d+)')
    if tonumber(expiry) * 1000 <= now then
      redis.call('HDEL', KEYS[2], fields[i])
    else
      used = used + tonumber(count)
      if fields[i] == ARGV[4] then
        mine, whole, last = tonumber(count), tonumber(a), tonumber(b)
      end
    end
  end
  if wanted > 0 and held >= 0 and number > last then
    used, mine, whole, says = used - mine + held, held, number, true
  end
  last = math.max(last, number)
  if wanted > 0 then
    if used + wanted > most then
      allowed, full = 0, 1
    else
      added = math.min(wanted + spare, most - used)
      used = used + wanted
    end
  end
end
local today = math.floor(now / 86400000000)
local moved, answer = {}, {}
for i = 1, policies do
  local at = first + 4 * (i - 1)
  local name, kind = ARGV[at], ARGV[at + 1]
  local quota, period = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local cost = math.min(weight, quota)
  if kind == 'day' then
    local count, day = string.match(known[name] or '', '^(%d+)@(%d+)$')
    local from = (tonumber(day) == today) and tonumber(count) or 0
    local left = (today + 1) * 86400000000 - now
    local wait = (from + cost > quota) and left or 0
    moved[i] = {name, kind, from, from + cost, quota, left, wait}
  else
    local interval = period / quota
    local from = math.max(tonumber(known[name]) or now, now)
    local to = from + cost * interval
    moved[i] = {name, kind, from, to, period, interval, to - now - period}
  end
  if weight > 0 and moved[i][7] >= 1 then allowed = 0 end
end
local latest, states = now, {}
for i = 1, policies do
  local name, kind, from, to, bound, step, wait = unpack(moved[i])
  local at = allowed == 1 and to or from
  if kind == 'day' then
    states[i] = string.format('%s=%.0f@%.0f', name, at, today)
    latest = math.max(latest, now + step)
    answer[#answer + 1] = math.max(0, bound - at)
    answer[#answer + 1] = at > 0 and math.ceil(step) or 0
  else
    states[i] = string.format('%s=%.0f', name, at)
    latest = math.max(latest, at)
    answer[#answer + 1] = math.max(0, math.floor((bound - (at - now)) / step + 0.001))
    answer[#answer + 1] = math.ceil(at - now)
  end
  answer[#answer + 1] = math.ceil(wait)
end
if allowed == 1 then
  if weight > 0 then
    local life = math.ceil((latest - now) / 1000) + 1
    redis.call('SET', KEYS[1], table.concat(states, ' '), 'PX', life)
  end
else
  added = 0
end
if added > 0 or says then
  local expiry = math.floor(now / 1000) + tonumber(ARGV[8])
  local said = string.format('%.0f:%.0f:%.0f:%.0f', mine + added, expiry, whole, last)
  redis.call('HSET', KEYS[2], ARGV[4], said)
  redis.call('PEXPIRE', KEYS[2], ARGV[8])
end
return {allowed, used, added, full, unpack(answer)}
"""
_decide = Script(DECIDE)
HEAD: Final = 4  # members of the answer before those of the policies


@dataclass(frozen=True, slots=True)
class Caller:
    """Who pays for a call, and under which plan.

    Attributes:
        identity: part of the counters' names.
        plan: name of a plan; None: the limits of somebody unknown.
    """

    identity: str
    plan: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the limiter said about one call.

    Attributes:
        allowed: whether the call may go on.
        headers: RateLimit-Policy and, unless Redis was away, RateLimit; for `add_missing`.
        retry_after: whole seconds until this weight would pass; 0 when allowed.
        violated: names of the policies that refused it.
        pool: where the call's slot is given back when it has ended; None: it has none.
        weight: what was charged.
        slots: slots that Redis has added to this process's; -1: Redis was away.
        used: slots of the caller in use, in all processes, when Redis was asked.
    """

    allowed: bool
    headers: HeaderStore
    retry_after: int = 0
    violated: tuple[str, ...] = ()
    pool: Pool | None = None
    weight: int = 0
    slots: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True)
class PolicyState:
    """How one policy of a caller stands.

    Attributes:
        name: as the headers call it.
        quota: units, or calls at once.
        seconds: the period; None: of calls at once.
        remaining: units left, or slots free.
        reset_seconds: until all of it is there again; None: unknown, since calls end when they do.
    """

    name: str
    quota: int
    seconds: int | None
    remaining: int
    reset_seconds: int | None


@dataclass(frozen=True, slots=True)
class Charge:
    """One question to Redis: whose, for what, how much."""

    caller: Caller
    scope: str
    limits: WorkLimits
    weight: int
    bid: Bid | None = None


@dataclass(slots=True)
class Limiter:
    """Spends the weight of calls. Refused calls cost nothing.

    Attributes:
        breaker: says whether Redis is worth asking; shared by all scopes.
    """

    breaker: Breaker
    leases: Leases[list[int]] = field(default_factory=Leases)
    slots: Slots = field(default_factory=Slots)

    def spend(
        self, caller: Caller, scope: str, weight: int = 1, *, takes_slot: bool = False
    ) -> Decision:
        """Ask every policy of the scope at once; either all are charged or none.

        Args:
            caller: who pays, from `caller_of`.
            scope: the class of work; key of settings.RATE_LIMITS.
            weight: how much this call costs; more than a policy's quota counts as the quota.
            takes_slot: count the call among those running at once, until `release`.

        Raises:
            LimitsUnavailableError: Redis is away and RATE_LIMITS_FAIL_CLOSED has the scope.
        """
        limits = limits_of(caller.plan, scope)
        if not takes_slot or limits.concurrent is None:
            return self._charge(Charge(caller, scope, limits, weight), None)
        entered = self.slots.enter(slots_key(scope, caller.identity), limits.concurrent)
        if isinstance(entered, Bid):
            return self._enter(Charge(caller, scope, limits, weight, entered), entered)
        try:
            decision = self._charge(Charge(caller, scope, limits, weight), entered)
        except LimitsUnavailableError:
            self.slots.leave(entered)
            raise
        if not decision.allowed:
            self.slots.leave(entered)
        return decision

    def _enter(self, charge: Charge, bid: Bid) -> Decision:
        """Charge a call that asks for a slot as well, and write down what became of that."""
        try:
            decision = self._charge(charge, bid.pool)
        except LimitsUnavailableError:
            self.slots.settle(bid, added=0, heard=True, crowded=True)
            bid.pool.doubtful = True
            raise
        self.slots.settle(
            bid,
            added=max(0, decision.slots),
            heard=decision.slots >= 0,
            crowded=decision.used * CROWDED_SHARE > (charge.limits.concurrent or 0),
        )
        return decision

    def release(self, decision: Decision) -> None:
        """The call has ended: its slot is free. No round trip here."""
        if decision.pool is not None and decision.allowed:
            self.slots.leave(decision.pool)

    def look(self, caller: Caller, scope: str) -> list[PolicyState]:
        """How every policy stands; costs nothing. Raises LimitsUnavailableError without Redis."""
        limits = limits_of(caller.plan, scope)
        answer = self._ask(Charge(caller, scope, limits, weight=0))
        if not answer:
            raise LimitsUnavailableError(retry_after=self.breaker.wait())
        states = [
            PolicyState(policy.name, policy.quota, policy.seconds, remaining, _seconds(reset))
            for policy, remaining, reset in zip(
                limits.policies, answer[HEAD::3], answer[HEAD + 1 :: 3], strict=True
            )
        ]
        if limits.concurrent is not None:
            free = max(0, limits.concurrent - answer[1])
            states.append(PolicyState(CONCURRENT, limits.concurrent, None, free, None))
        return states

    def _charge(self, charge: Charge, pool: Pool | None) -> Decision:
        smallest = charge.limits.smallest_quota
        extra = lease_of(smallest)
        if not extra or charge.weight + extra > smallest:
            return self._decide(charge, pool)
        key = (charge.scope, charge.caller.identity)
        held = self.leases.draw(key, charge.weight)
        if held is not None and charge.bid is None:
            return _decision(charge, held.answer, pool, unspent=held.left)
        if held is not None:  # paid for, but a slot is still to be had
            self.leases.give_back(key, charge.weight)
            return self._decide(charge, pool)
        ahead = Charge(
            charge.caller, charge.scope, charge.limits, charge.weight + extra, charge.bid
        )
        answer = self._ask(ahead)
        if not answer:
            return self._without_redis(charge, pool)
        if not answer[0]:  # too little is left for a lease: then this call alone
            return self._decide(charge, pool)
        self.leases.put(key, extra, answer)
        return _decision(charge, answer, pool, unspent=extra)

    def _decide(self, charge: Charge, pool: Pool | None) -> Decision:
        answer = self._ask(charge)
        return _decision(charge, answer, pool) if answer else self._without_redis(charge, pool)

    def _ask(self, charge: Charge) -> list[int]:
        """One round trip; the answer is empty when Redis could not be asked."""
        if not self.breaker.allows():
            return []
        limits, bid = charge.limits, charge.bid
        arguments: list[int | str] = [charge.weight, len(limits.policies)]
        if bid is not None:
            arguments += [limits.concurrent or 0, bid.pool.field, bid.number, 1]
            arguments += [bid.pool.spare, int(SLOT_SECONDS * 1000), bid.whole]
        elif charge.weight == 0 and limits.concurrent is not None:
            arguments += [limits.concurrent, "", 0, 0, 0, 0, -1]
        else:
            arguments.append(0)
        for policy in limits.policies:
            arguments += [policy.name, policy.kind, policy.quota, policy.seconds * 1_000_000]
        rates = f"{settings.REDIS_KEY_PREFIX}rate:{charge.scope}:{charge.caller.identity}"
        try:
            answer = _decide([rates, slots_key(charge.scope, charge.caller.identity)], arguments)
        except RedisError:
            self.breaker.failed()
            return []
        self.breaker.succeeded()
        return answer

    def _without_redis(self, charge: Charge, pool: Pool | None) -> Decision:
        if charge.scope in settings.RATE_LIMITS_FAIL_CLOSED:
            raise LimitsUnavailableError(retry_after=self.breaker.wait())
        LIMITS_OPEN.labels(charge.scope).inc()
        headers = _policy_header(charge.limits)
        return Decision(allowed=True, headers=headers, pool=pool, weight=charge.weight, slots=-1)


limiter = Limiter(Breaker(settings.REDIS_BREAKER_SECONDS))


@cache
def _policy_header(limits: WorkLimits) -> HeaderStore:
    """RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-10."""
    listed = [f'"{p.name}";q={p.quota};w={p.seconds}' for p in limits.policies]
    if limits.concurrent is not None:
        listed.append(f'"{CONCURRENT}";q={limits.concurrent};qu="concurrent-requests"')
    return prepare({"RateLimit-Policy": ", ".join(listed)})


def _decision(
    charge: Charge, answer: list[int], pool: Pool | None, *, unspent: int = 0
) -> Decision:
    """Args: `unspent` is what a lease still holds of the charge that `answer` is about."""
    limits = charge.limits
    listed = [
        f'"{policy.name}";r={answer[HEAD + 3 * i] + unspent};t={_seconds(answer[HEAD + 3 * i + 1])}'
        for i, policy in enumerate(limits.policies)
    ]
    if limits.concurrent is not None and pool is not None:
        # Of those running here we know; what other processes ran was so when Redis was asked.
        free = max(0, limits.concurrent - max(answer[1], pool.running))
        listed.append(f'"{CONCURRENT}";r={free}')
    headers: HeaderStore = {
        **_policy_header(limits),
        "ratelimit": ("RateLimit", ", ".join(listed)),
    }
    if answer[0]:
        return Decision(
            allowed=True,
            headers=headers,
            pool=pool,
            weight=charge.weight,
            slots=0 if charge.bid is None else answer[2],
            used=answer[1],
        )
    waits = answer[HEAD + 2 :: 3]
    violated = [p.name for p, wait in zip(limits.policies, waits, strict=True) if wait >= 1]
    if answer[3]:
        violated.append(CONCURRENT)
    wait = max(1, _seconds(max(waits)))
    return Decision(
        allowed=False,
        headers=headers,
        retry_after=wait,
        violated=tuple(violated),
        used=answer[1],
    )


def _seconds(microseconds: int) -> int:
    return -(-microseconds // 1_000_000)


def caller_of(request: HttpRequest, principal: Principal | None) -> Caller:
    """Who pays for a call, under which plan."""
    return Caller(identity_of(request, principal), None if principal is None else principal.plan)


def identity_of(request: HttpRequest, principal: Principal | None) -> str:
    """Who pays for a call: its application, else its user, else the address it came from."""
    if principal is None:
        return f"ip:{client_ip(request)}"
    if principal.application_id is not None:
        return f"app:{principal.application_id.hex}"
    return f"user:{principal.user_id.hex}"
