"""What is decided about one call, and how its answer tells the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from core.api.limit_script import HEAD
from core.observability.headers import prepare

if TYPE_CHECKING:
    from core.api.slots import Bid, Pool
    from core.observability.headers import HeaderStore
    from core.plans import WorkLimits

WORDINGS_MAX: Final = 1_000  # limits whose words are kept: plans by classes of work
CONCURRENT: Final = "concurrent"  # name of the policy of calls at once


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


class Wording(NamedTuple):
    """What every answer under some limits says alike.

    Attributes:
        limits: which.
        header: RateLimit-Policy.
        openings: of the members of RateLimit, one a policy, up to what is left.
    """

    limits: WorkLimits
    header: HeaderStore
    openings: tuple[str, ...]


_wordings: dict[int, Wording] = {}


def wording_of(limits: WorkLimits) -> Wording:
    """Kept by identity: to hash limits costs more than to word them."""
    known = _wordings.get(id(limits))
    if known is None or known.limits is not limits:
        if len(_wordings) >= WORDINGS_MAX:
            _wordings.clear()
        openings = tuple(f'"{policy.name}";r=' for policy in limits.policies)
        known = _wordings[id(limits)] = Wording(limits, _policy_header(limits), openings)
    return known


def policy_header(limits: WorkLimits) -> HeaderStore:
    """RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers-10."""
    return wording_of(limits).header


def _policy_header(limits: WorkLimits) -> HeaderStore:
    listed = [f'"{p.name}";q={p.quota};w={p.seconds}' for p in limits.policies]
    if limits.concurrent is not None:
        listed.append(f'"{CONCURRENT}";q={limits.concurrent};qu="concurrent-requests"')
    return prepare({"RateLimit-Policy": ", ".join(listed)})


def decision_of(
    charge: Charge, answer: list[int], pool: Pool | None, *, unspent: int = 0
) -> Decision:
    """Args: `unspent` is what a lease still holds of the charge that `answer` is about."""
    limits = charge.limits
    _, header, openings = wording_of(limits)
    listed = [
        f"{opening}{left + unspent};t={-(-reset // 1_000_000)}"
        for opening, left, reset in zip(
            openings, answer[HEAD::3], answer[HEAD + 1 :: 3], strict=True
        )
    ]
    if limits.concurrent is not None and pool is not None:
        # Of those running here we know; what other processes ran was so when Redis was asked.
        free = max(0, limits.concurrent - max(answer[1], pool.running))
        listed.append(f'"{CONCURRENT}";r={free}')
    headers: HeaderStore = {
        **header,
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
    wait = max(1, whole_seconds(max(waits)))
    return Decision(
        allowed=False,
        headers=headers,
        retry_after=wait,
        violated=tuple(violated),
        used=answer[1],
    )


def whole_seconds(microseconds: int) -> int:
    """Rounded up."""
    return -(-microseconds // 1_000_000)
