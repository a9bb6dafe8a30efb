"""A model's policy: how it is promoted, decided by, logged. One row a model, or the defaults."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from apps.ml_models.models import ModelPolicy
from apps.ml_models.models.promotions import LATENCY_US, LOG_DAYS, SCORE_MAX, SHARE
from apps.ml_models.selectors.promotions import policy_of
from apps.ml_models.selectors.registry import model_by_name
from apps.ml_models.services.rolling import touch
from apps.ml_models.services.routing import move_generation
from apps.ml_models.services.states import id_of
from core import audit
from core.errors import FieldError, InvalidError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.audit import Actor

__all__ = ["FIELDS", "change_policy", "policy_of"]

BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "gate_tolerance": (0.0, SCORE_MAX),
    "gate_latency_us": LATENCY_US,
    "gate_max_flips": SHARE,
    "decision_threshold": (-SCORE_MAX, SCORE_MAX),
    "score_index": (0, 32_767),
    "log_share": SHARE,
    "log_days": LOG_DAYS,
}
"""Least and most of each number."""
NULLABLE: Final = frozenset({"gate_latency_us", "gate_max_flips", "score_index"})
FIELDS: Final = ("four_eyes", "gate_metric", "gate_lower_is_better", "score_output", *BOUNDS)
"""What may be changed."""


@transaction.atomic
def change_policy(
    *,
    model_name: str,
    changes: Mapping[str, object],
    actor: Actor,
    reason: str = "",
    check: Callable[[ModelPolicy], None] | None = None,
) -> ModelPolicy:
    """Change fields of a model's policy; the others stay.

    `four_eyes` goes on at once. It goes off when two people have asked for it: the first is
    remembered in `four_eyes_off_by`, the second ends it, and `true` takes the wish back. So nobody
    can switch it off to promote alone. The platform itself, that is whoever runs commands on its
    machine, is not held up by this.

    Args:
        model_name: of an existing model.
        changes: values by name, of FIELDS.
        actor: for the audit trail; None is the platform itself.
        reason: in the actor's words.
        check: a precondition (If-Match), asked under the lock; raises when it fails.

    Raises:
        InvalidError: a number out of its bounds; names each field.
    """
    model = model_by_name(model_name).reload_for_update()
    policy = policy_of(model)
    if check is not None:
        check(policy)
    _check_bounds(changes)
    before = _facts(policy)
    for name, value in changes.items():
        if name != "four_eyes":
            setattr(policy, name, value)
    if "four_eyes" in changes:
        _turn_four_eyes(policy, actor, on=bool(changes["four_eyes"]))
    if _facts(policy) == before:
        return policy
    policy = _save(policy)
    policy.model = model
    audit.record(
        actor=actor,
        action="ml_models.policy.changed",
        object_type="model",
        object_id=str(model.pk),
        before=before,
        after=_facts(policy),
        reason=reason,
    )
    move_generation()
    touch(model)
    return policy


def _turn_four_eyes(policy: ModelPolicy, actor: Actor, *, on: bool) -> None:
    """Caller holds the lock on the model."""
    if on:
        policy.four_eyes, policy.four_eyes_off_by_id = True, None
    elif policy.four_eyes:
        asked, asks = policy.four_eyes_off_by_id, id_of(actor)
        if asks is None or (asked is not None and asked != asks):
            policy.four_eyes, policy.four_eyes_off_by_id = False, None
        else:
            policy.four_eyes_off_by_id = asks


def _save(policy: ModelPolicy) -> ModelPolicy:
    """The row as it is now; of defaults, a first one."""
    if not policy._state.adding:  # noqa: SLF001 - Django's documented attribute
        policy.save()
        return policy
    values = {name: getattr(policy, name) for name in FIELDS}
    made = ModelPolicy.objects.create(model=policy.model, **values)
    made.refresh_from_db()
    return made


def _facts(policy: ModelPolicy) -> dict[str, object]:
    asked = policy.four_eyes_off_by_id
    facts: dict[str, Any] = {name: getattr(policy, name) for name in FIELDS}
    return {**facts, "four_eyes_off_by": None if asked is None else str(asked)}


def _check_bounds(changes: Mapping[str, object]) -> None:
    faults = tuple(
        FieldError("out_of_range", _words(name), pointer=f"#/{name}")
        for name, value in changes.items()
        if name in BOUNDS and not _is_within(name, value)
    )
    if faults:
        raise InvalidError("The policy has values out of their bounds.", errors=faults)


def _words(name: str) -> str:
    least, most = BOUNDS[name]
    return f"A number from {least:g} to {most:g}{', or null' if name in NULLABLE else ''}."


def _is_within(name: str, value: object) -> bool:
    if value is None:
        return name in NULLABLE
    if not isinstance(value, int | float) or not math.isfinite(value):
        return False
    least, most = BOUNDS[name]
    return least <= value <= most
