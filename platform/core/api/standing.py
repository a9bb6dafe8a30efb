"""How a caller stands with the limits, told without charging anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.api.decisions import CONCURRENT, Decision
from core.api.throttling import limiter
from core.observability.headers import prepare

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.api.decisions import Caller, PolicyState


def standing_of(caller: Caller, works: Iterable[str]) -> dict[str, list[PolicyState]]:
    """Every policy of each class of work. Raises LimitsUnavailableError when Redis is away."""
    return {work: limiter.look(caller, work) for work in works}


def free_of_charge(states: Iterable[PolicyState]) -> Decision:
    """For a view's `decision`: the call has passed, cost nothing, and its headers say how it is."""
    policies, left = zip(*(_header_items(state) for state in states), strict=True)
    headers = {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}
    return Decision(allowed=True, headers=prepare(headers))


def _header_items(state: PolicyState) -> tuple[str, str]:
    """Of RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10)."""
    if state.name == CONCURRENT:
        unit = 'qu="concurrent-requests"'
        return f'"{state.name}";q={state.quota};{unit}', f'"{state.name}";r={state.remaining}'
    return (
        f'"{state.name}";q={state.quota};w={state.seconds}',
        f'"{state.name}";r={state.remaining};t={state.reset_seconds}',
    )
