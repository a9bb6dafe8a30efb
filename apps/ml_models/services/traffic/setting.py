"""Giving a candidate a share of an alias's traffic, and changing it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from apps.ml_models import events
from apps.ml_models.errors import (
    AliasMovingError,
    ModelAliasNotFoundError,
    RuntimeUnavailableError,
    SameVersionError,
    SignatureDiffersError,
)
from apps.ml_models.models import GATED_ALIASES, ModelAlias, ModelVersion, Rollout, TrafficSplit
from apps.ml_models.selectors.promotions import policy_of
from apps.ml_models.selectors.registry import model_by_name, version_by_number
from apps.ml_models.selectors.traffic import newest_split
from apps.ml_models.services.gatekeeping import pass_gate, tell_overridden
from apps.ml_models.services.states import check_ready, id_of
from apps.ml_models.services.traffic import telling
from apps.ml_models.services.traffic.ending import REPLACED, close
from apps.ml_models.services.traffic.limits import DEFAULT_GUARD, Guard, guard_of
from serving.signature import Signature
from serving.standing_in import why_not

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.ml_models.models import RegisteredModel
    from core.audit import Actor

SALT_BYTES = 16
MOST_UNGATED = 5_000  # basis points of a gated alias that are no promotion in all but name


@transaction.atomic
def set_split(  # noqa: PLR0913 - keyword-only, each a field of the call
    *,
    model_name: str,
    alias: str,
    kind: str,
    number: int,
    share: int,
    actor: Actor,
    reason: str = "",
    override_reason: str = "",
    guard: Guard | None = None,
    check: Callable[[TrafficSplit | None], None] | None = None,
) -> TrafficSplit:
    """Start a canary or shadow, or change the one that is active. Callers follow within 2 s.

    With another share those who were in stay in as far as it goes: the salt stays. Another
    candidate ends the split and begins a new one, which draws anew. The model's row is locked.

    Args:
        model_name: of an existing model.
        alias: that exists.
        kind: canary or shadow.
        number: of the candidate: ready, not the alias's own, and taking and answering the same.
        share: of callers (canary) or calls (shadow), in basis points.
        actor: for the audit trail.
        reason: in the actor's words.
        override_reason: why a gate that does not let most callers have it shall not count.
        guard: limits of a canary; None: as they are, and of a new one the defaults.
        check: a precondition (If-Match), asked again under the lock; raises when it fails.

    Raises:
        ModelAliasNotFoundError, ModelVersionNotFoundError: as named.
        ModelVersionNotReadyError, ModelVersionRetiredError, RuntimeUnavailableError: the candidate.
        AliasMovingError: the alias is between two versions.
        SameVersionError: the alias points at it already.
        SignatureDiffersError: the alias's callers could not be answered by it.
        ApprovalRequiredError: most callers of a gated alias, where a promotion takes two people.
        PromotionRefusedError: most callers of one, and the gate does not let the candidate pass.
    """
    model = model_by_name(model_name).reload_for_update()
    version = version_by_number(model.name, number).reload_for_update()
    version.model = model
    split = newest_split(model, alias, kind)
    if check is not None:
        check(split)
    current = _alias_at_rest(model, alias)
    _check_candidate(version, current.version)
    active = split if split is not None and split.state == TrafficSplit.State.ACTIVE else None
    same = active if active is not None and active.version_id == version.pk else None
    if kind == TrafficSplit.Kind.CANARY and share > (0 if same is None else same.share):
        _pass_gate(model, version, current, share, actor, override_reason)
    if same is not None:
        return _change(same, share, guard, actor, reason)
    if active is not None:
        close(active, REPLACED, actor=actor, reason=reason)
    fresh = TrafficSplit(model=model, alias=alias, kind=kind, version=version, share=share)
    fresh.base, fresh.reason, fresh.started_by_id = current.version, reason, id_of(actor)
    _set_guard(fresh, guard or DEFAULT_GUARD)
    return _start(fresh, actor, after=split)


def _alias_at_rest(model: RegisteredModel, alias: str) -> ModelAlias:
    found = ModelAlias.objects.select_related("version").filter(model=model, alias=alias).first()
    if found is None:
        raise ModelAliasNotFoundError(f"{model.name} has no alias {alias[:80]!r}.")
    if Rollout.objects.filter(model=model, alias=alias, state=Rollout.State.LOADING).exists():
        raise AliasMovingError(
            f"{model.name}'s {alias} is being moved to version {found.version.number}."
        )
    return found


def _pass_gate(  # noqa: PLR0913, PLR0917 - who gives what to how many
    model: RegisteredModel,
    version: ModelVersion,
    current: ModelAlias,
    share: int,
    actor: Actor,
    override_reason: str,
) -> None:
    """A canary that answers most callers is a promotion in all but name, and judged like one."""
    if current.alias not in GATED_ALIASES or share <= MOST_UNGATED:
        return
    report = pass_gate(model, current.alias, version, current, override_reason)
    tell_overridden(model, version, report, actor, override_reason)


def _check_candidate(version: ModelVersion, own: ModelVersion) -> None:
    check_ready(version)
    if version.engine == ModelVersion.Engine.TENSORFLOW and not settings.SERVING_ALLOW_TENSORFLOW:
        raise RuntimeUnavailableError(
            f"{version} runs on TensorFlow alone, which the web processes may not load."
        )
    if version.pk == own.pk:
        raise SameVersionError(f"The alias points at version {version.number} already.")
    difference = why_not(
        Signature.from_document(version.signature), Signature.from_document(own.signature)
    )
    if difference:
        raise SignatureDiffersError(difference)


def _start(split: TrafficSplit, actor: Actor, *, after: TrafficSplit | None) -> TrafficSplit:
    """Insert it. One path shows one split after another, so its version goes on from the last's.

    Else an If-Match meant for the last one could match this one.
    """
    split.salt = _salt(split, after)
    split.row_version = 1 if after is None else after.row_version + 1
    split.save(force_insert=True)
    telling.record(split, "started", before=None, actor=actor, reason=split.reason)
    telling.tell(split, events.CANARY_STARTED, actor=actor)
    return split


def _salt(split: TrafficSplit, after: TrafficSplit | None) -> str:
    """Another draw for another candidate; where promotions take two people, always the same.

    Else one person could put one candidate after another until the largest callers are drawn.
    """
    if (
        after is not None
        and split.kind == TrafficSplit.Kind.CANARY
        and split.alias in GATED_ALIASES
        and policy_of(split.model).four_eyes
    ):
        return after.salt
    return secrets.token_hex(SALT_BYTES)


def _change(
    split: TrafficSplit, share: int, guard: Guard | None, actor: Actor, reason: str
) -> TrafficSplit:
    wanted = guard or guard_of(split)
    if (split.share, guard_of(split)) == (share, wanted):
        return split
    before = telling.shown(split)
    split.share, split.reason = share, reason
    _set_guard(split, wanted)
    split.save()
    telling.record(split, "changed", before=before, actor=actor, reason=reason)
    telling.tell(split, events.CANARY_CHANGED, actor=actor)
    return split


def _set_guard(split: TrafficSplit, guard: Guard) -> None:
    split.max_error_share = guard.max_error_share
    split.max_latency_ratio = guard.max_latency_ratio
    split.max_score_psi = guard.max_score_psi
    split.min_calls = guard.min_calls
