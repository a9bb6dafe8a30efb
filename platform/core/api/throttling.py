"""Rate limits: all policies of a call decided by one Lua script in Redis, in at most one trip."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from django.conf import settings
from redis.exceptions import RedisError

from core.api.leases import Leases, lease_of
from core.api.refusals import LimitsUnavailableError
from core.observability.headers import prepare
from core.observability.metrics import LIMITS_OPEN
from core.redis_client import Breaker, Script

if TYPE_CHECKING:
    from django.http import HttpRequest

    from core.observability.headers import HeaderStore
    from core.security.principal import Principal

IPV6_PREFIX: Final = 64  # bits; one subscriber has them all

# Generic cell rate algorithm (ITU-T I.371): a policy is one instant, the time at which its bucket
# is full again ("theoretical arrival time"); a call of weight w moves it by w emission intervals
# and is refused when it would lie further ahead than the policy's period.
#
# KEYS[1]: one string with an instant a policy, in microseconds, parted by spaces.
# ARGV: weight, then quota and period in microseconds of each policy.
# Answers 1 or 0, then for each policy what remains, the microseconds until it is whole again, and
# the microseconds to wait for this weight (below 1: none).
GCRA: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local stored = redis.call('GET', KEYS[1])
local instants = {}
if stored then
  for word in string.gmatch(stored, '%S+') do instants[#instants + 1] = tonumber(word) end
end
local weight = tonumber(ARGV[1])
local policies = (#ARGV - 1) / 2
local allowed, latest, moved, answer = 1, now, {}, {0}
for i = 1, policies do
  local quota, period = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local interval = period / quota
  local from = math.max(instants[i] or now, now)
  local to = from + math.min(weight, quota) * interval
  local wait = to - now - period
  if wait >= 1 then allowed = 0 end
  moved[i] = {from, to, period, interval, wait}
end
for i = 1, policies do
  local from, to, period, interval, wait = unpack(moved[i])
  local at = allowed == 1 and to or from
  moved[i] = string.format('%.0f', at)
  latest = math.max(latest, at)
  answer[#answer + 1] = math.max(0, math.floor((period - (at - now)) / interval + 0.001))
  answer[#answer + 1] = math.ceil(at - now)
  answer[#answer + 1] = math.ceil(wait)
end
if allowed == 1 then
  local life = math.ceil((latest - now) / 1000) + 1
  redis.call('SET', KEYS[1], table.concat(moved, ' '), 'PX', life)
end
answer[1] = allowed
return answer
"""
_run_gcra = Script(GCRA)


@dataclass(frozen=True, slots=True)
class Policy:
    """So much weight in so many seconds, all of it at once if need be."""

    name: str
    quota: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What the limiter said about one call.

    Attributes:
        allowed: whether the call may go on.
        headers: RateLimit-Policy and, unless Redis was away, RateLimit; for `add_missing`.
        retry_after: whole seconds until this weight would pass; 0 when allowed.
    """

    allowed: bool
    headers: HeaderStore
    retry_after: int = 0


@cache
def _policies(entries: tuple[tuple[str, int, int], ...]) -> tuple[Policy, ...]:
    return tuple(Policy(*entry) for entry in entries)


class Limiter:
    """Spends the weight of calls. Refused calls cost nothing.

    Args:
        breaker: says whether Redis is worth asking; shared by all scopes.
    """

    def __init__(self, breaker: Breaker) -> None:
        self.breaker = breaker
        self.leases: Leases[list[int]] = Leases()

    def spend(self, identity: str, scope: str, weight: int = 1) -> Decision:
        """Ask every policy of the scope at once; either all are charged or none.

        Args:
            identity: who pays, from `identity_of`.
            scope: key of settings.RATE_LIMITS.
            weight: how much this call costs; more than a policy's quota counts as the quota.

        Raises:
            LimitsUnavailableError: Redis is away and RATE_LIMITS_FAIL_CLOSED has the scope.
        """
        policies = _policies(tuple(settings.RATE_LIMITS[scope]))
        smallest = min(policy.quota for policy in policies)
        extra = lease_of(smallest)
        if not extra or weight + extra > smallest:
            return self._ask(identity, scope, policies, weight)[0]
        held = self.leases.draw((scope, identity), weight)
        if held is not None:
            return _decision(policies, held.answer, unspent=held.left)
        decision, answer = self._ask(identity, scope, policies, weight + extra)
        if not decision.allowed:  # too little is left for a lease: then this call alone
            return self._ask(identity, scope, policies, weight)[0]
        if answer:
            self.leases.put((scope, identity), extra, answer)
            return _decision(policies, answer, unspent=extra)
        return decision

    def _ask(
        self, identity: str, scope: str, policies: tuple[Policy, ...], weight: int
    ) -> tuple[Decision, list[int]]:
        """One round trip; the answer is empty when Redis could not be asked."""
        if not self.breaker.allows():
            return self._without_redis(scope, policies), []
        arguments = [weight]
        for policy in policies:
            arguments += (policy.quota, policy.seconds * 1_000_000)
        try:
            answer = _run_gcra([f"{settings.REDIS_KEY_PREFIX}limit:{scope}:{identity}"], arguments)
        except RedisError:
            self.breaker.failed()
            return self._without_redis(scope, policies), []
        self.breaker.succeeded()
        return _decision(policies, answer), answer

    def _without_redis(self, scope: str, policies: tuple[Policy, ...]) -> Decision:
        if scope in settings.RATE_LIMITS_FAIL_CLOSED:
            raise LimitsUnavailableError(retry_after=self.breaker.wait())
        LIMITS_OPEN.labels(scope).inc()
        return Decision(allowed=True, headers=_policy_header(policies))


limiter = Limiter(Breaker(settings.REDIS_BREAKER_SECONDS))


@cache
def _policy_header(policies: tuple[Policy, ...]) -> HeaderStore:
    """RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-10."""
    listed = ", ".join(f'"{p.name}";q={p.quota};w={p.seconds}' for p in policies)
    return prepare({"RateLimit-Policy": listed})


def _decision(policies: tuple[Policy, ...], answer: list[int], *, unspent: int = 0) -> Decision:
    """Args: `unspent` is what a lease still holds of the charge that `answer` is about."""
    allowed = answer[0] == 1
    remaining = ", ".join(
        f'"{policy.name}";r={answer[3 * i + 1] + unspent};t={_seconds(answer[3 * i + 2])}'
        for i, policy in enumerate(policies)
    )
    return Decision(
        allowed=allowed,
        headers={**_policy_header(policies), "ratelimit": ("RateLimit", remaining)},
        retry_after=0 if allowed else max(1, _seconds(max(answer[3::3]))),
    )


def _seconds(microseconds: int) -> int:
    return -(-microseconds // 1_000_000)


def identity_of(request: HttpRequest, principal: Principal | None) -> str:
    """Who pays for a call: its application, else its user, else the address it came from."""
    if principal is None:
        return f"ip:{client_ip(request)}"
    if principal.application_id is not None:
        return f"app:{principal.application_id.hex}"
    return f"user:{principal.user_id.hex}"


def client_ip(request: HttpRequest) -> str:
    """The caller's address; of an IPv6 address the first 64 bits.

    With settings.NUM_PROXIES = n the n-th entry of X-Forwarded-For from the right is believed,
    since our own proxies wrote the last n; with 0 the header is ignored.
    """
    address: str = request.META.get("REMOTE_ADDR", "")
    hops = settings.NUM_PROXIES
    if hops:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        address = forwarded[-min(hops, len(forwarded))].strip() or address
    return _network(address)


def _network(address: str) -> str:
    if ":" not in address:
        return address if len(address) <= len("255.255.255.255") else "unknown"
    try:
        ip = ipaddress.IPv6Address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return "unknown"
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((ip, IPV6_PREFIX), strict=False).network_address)
