"""Rate limits: what a call costs its caller, in at most one trip to Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from redis.exceptions import RedisError

from core.api.addresses import client_ip
from core.api.decisions import (
    CONCURRENT,
    Caller,
    Charge,
    Decision,
    PolicyState,
    decision_of,
    policy_header,
    whole_seconds,
)
from core.api.leases import Leases, lease_of
from core.api.limit_script import HEAD, ask
from core.api.refusals import LimitsUnavailableError
from core.api.slots import CROWDED_SHARE, Bid, Slots, slots_key
from core.observability.metrics import LIMITS_OPEN
from core.plans import limits_of
from core.redis_client import Breaker

if TYPE_CHECKING:
    from django.http import HttpRequest

    from core.api.slots import Pool
    from core.security.principal import Principal

__all__ = ["Caller", "Decision", "Limiter", "caller_of", "identity_of", "limiter"]


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
            self.slots.settle(bid, runs=False, added=0, heard=False, crowded=True)
            raise
        self.slots.settle(
            bid,
            runs=decision.allowed,
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
            PolicyState(policy.name, policy.quota, policy.seconds, remaining, whole_seconds(reset))
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
            return decision_of(charge, held.answer, pool, unspent=held.left)
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
        return decision_of(charge, answer, pool, unspent=extra)

    def _decide(self, charge: Charge, pool: Pool | None) -> Decision:
        answer = self._ask(charge)
        return decision_of(charge, answer, pool) if answer else self._without_redis(charge, pool)

    def _ask(self, charge: Charge) -> list[int]:
        """One round trip; the answer is empty when Redis could not be asked."""
        if not self.breaker.allows():
            return []
        try:
            answer = ask(charge)
        except RedisError:
            self.breaker.failed()
            return []
        self.breaker.succeeded()
        return answer

    def _without_redis(self, charge: Charge, pool: Pool | None) -> Decision:
        if charge.scope in settings.RATE_LIMITS_FAIL_CLOSED:
            raise LimitsUnavailableError(retry_after=self.breaker.wait())
        LIMITS_OPEN.labels(charge.scope).inc()
        headers = policy_header(charge.limits)
        return Decision(allowed=True, headers=headers, pool=pool, weight=charge.weight, slots=-1)


limiter = Limiter(Breaker(settings.REDIS_BREAKER_SECONDS))


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
