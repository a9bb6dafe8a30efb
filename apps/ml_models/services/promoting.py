"""Promotions by two people: proposed by one, approved or rejected by another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from apps.ml_models import events
from apps.ml_models.errors import (
    AliasNotGatedError,
    ApprovalRequiredError,
    PromotionDecidedError,
    PromotionOpenError,
    SameVersionError,
    SelfApprovalError,
)
from apps.ml_models.models import GATED_ALIASES, Promotion
from apps.ml_models.selectors.promotions import open_promotion, promotion_for
from apps.ml_models.selectors.registry import model_by_name, version_by_number
from apps.ml_models.services.gatekeeping import (
    check_passes,
    check_passes_still,
    rollout_of,
    tell_overridden,
)
from apps.ml_models.services.gating import check_runnable, judge
from apps.ml_models.services.rolling import find_for_update, start_rollout
from apps.ml_models.services.states import check_ready, id_of
from core import audit
from core.errors import FieldError
from core.outbox import publish

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from apps.ml_models.models import ModelAlias, ModelVersion, RegisteredModel
    from core.audit import Actor

    Precondition = Callable[[Promotion], None] | None

State = Promotion.State


@transaction.atomic
def propose(  # noqa: PLR0913 - keyword-only, each a field of the call
    *,
    model_name: str,
    alias: str,
    number: int,
    actor: Actor,
    reason: str = "",
    override_reason: str = "",
    check: Callable[[ModelAlias | None], None] | None = None,
) -> Promotion:
    """Ask for a second person to let a gated alias lead to a version.

    The gate is asked now, so that nothing hopeless is proposed, and again at the approval. `check`
    is a precondition on the alias, asked under the lock.

    Raises:
        AliasNotGatedError: the alias is moved without any promotion.
        SameVersionError: it leads there now.
        PromotionOpenError: another proposal of this alias waits.
        PromotionRefusedError: the gate does not let it pass, and nobody overrides it.
        ModelVersionNotReadyError, ModelVersionRetiredError, RuntimeUnavailableError: the version.
        ApprovalRequiredError: it is the platform itself that proposes, which is no person.
    """
    if actor is None:
        raise ApprovalRequiredError("A promotion is proposed by a person.")
    if alias not in GATED_ALIASES:
        fault = FieldError("alias_not_gated", "It has no gate.", pointer="#/alias")
        raise AliasNotGatedError(f"{alias[:80]!r} has no gate.", errors=(fault,))
    model = model_by_name(model_name).reload_for_update()
    version, current = _ready(model, number, alias)
    if check is not None:
        check(current)
    if current is not None and current.version_id == version.pk:
        raise SameVersionError(f"{alias} of {model.name} leads to version {number} already.")
    waiting = open_promotion(model, alias)
    if waiting is not None:
        raise PromotionOpenError(f"Promotion {waiting.pk} waits for a decision.")
    report = judge(model=model, alias=alias, version=version, current=current)
    check_passes(report, override_reason)
    promotion = Promotion.objects.create(
        model=model,
        alias=alias,
        version=version,
        gate=report.to_document(),
        gate_passed=report.passed,
        override_reason="" if report.passed else override_reason.strip()[: audit.REASON_MAX],
        reason=reason[: audit.REASON_MAX],
        proposed_by_id=actor.user_id,
        four_eyes=True,
    )
    tell_overridden(model, version, report, actor, override_reason)
    _audit(promotion, "proposed", before=None, actor=actor, reason=reason)
    data: events.ProposedData = {
        "promotion": str(promotion.pk),
        "model": model.name,
        "alias": alias,
        "version": version.number,
        "gate_passed": report.passed,
    }
    publish(events.PROMOTION_PROPOSED.about(model.pk, data, actor_id=actor.user_id))
    return promotion


@transaction.atomic
def approve(
    *,
    model_name: str,
    promotion_id: UUID,
    actor: Actor,
    reason: str = "",
    check: Precondition = None,
) -> Promotion:
    """Let a proposed promotion happen: the alias moves in the same transaction.

    The gate is asked again, since champion, policy and replays may have changed. A reason to
    override it counts for what failed when it was given, and for nothing else.

    Raises:
        PromotionDecidedError: somebody was first.
        SelfApprovalError: the proposer, or an application in their name.
        PromotionRefusedError: the gate does not let it pass any more.
        ModelVersionNotReadyError, ModelVersionRetiredError, RuntimeUnavailableError: the version.
    """
    model = model_by_name(model_name).reload_for_update()
    promotion = _open(model, promotion_id, check)
    _check_other_person(promotion, actor)
    version, current = _ready(model, promotion.version.number, promotion.alias)
    report = judge(model=model, alias=promotion.alias, version=version, current=current)
    check_passes_still(promotion, report)
    if current is None or current.version_id != version.pk:
        start_rollout(
            model=model,
            alias=promotion.alias,
            current=current,
            version=version,
            actor=actor,
            reason=reason or promotion.reason,
        )
    promotion.gate, promotion.gate_passed = report.to_document(), report.passed
    promotion.rollout_id = rollout_of(model, promotion.alias, version)
    return _decide(promotion, State.APPROVED, actor, reason)


@transaction.atomic
def reject(
    *,
    model_name: str,
    promotion_id: UUID,
    actor: Actor,
    reason: str = "",
    check: Precondition = None,
) -> Promotion:
    """Decide against a proposed promotion.

    Raises:
        PromotionDecidedError: somebody was first.
        SelfApprovalError: the proposer, who can withdraw it.
    """
    model = model_by_name(model_name).reload_for_update()
    promotion = _open(model, promotion_id, check)
    _check_other_person(promotion, actor)
    return _decide(promotion, State.REJECTED, actor, reason)


@transaction.atomic
def withdraw(
    *,
    model_name: str,
    promotion_id: UUID,
    actor: Actor,
    reason: str = "",
    check: Precondition = None,
) -> Promotion:
    """Take a proposal back: the proposer, or somebody else of the staff while they are away.

    Raises:
        PromotionDecidedError: somebody was first.
    """
    model = model_by_name(model_name).reload_for_update()
    return _decide(_open(model, promotion_id, check), State.WITHDRAWN, actor, reason)


def _ready(
    model: RegisteredModel, number: int, alias: str
) -> tuple[ModelVersion, ModelAlias | None]:
    """A version that the alias could lead to, locked, and the alias as it is."""
    version = version_by_number(model.name, number).reload_for_update()
    version.model = model
    check_ready(version)
    check_runnable(version)
    return version, find_for_update(model, alias)


def _open(model: RegisteredModel, promotion_id: UUID, check: Precondition) -> Promotion:
    """A proposal that waits. Caller has locked the model, under which every decision is made."""
    promotion = promotion_for(model.name, promotion_id)
    if check is not None:
        check(promotion)
    if promotion.state != State.PROPOSED:
        raise PromotionDecidedError(f"Promotion {promotion.pk} was {promotion.state}.")
    return promotion


def _check_other_person(promotion: Promotion, actor: Actor) -> None:
    """An application acts for a person, so it is people that are compared."""
    if actor is None or actor.user_id == promotion.proposed_by_id:
        raise SelfApprovalError(f"Promotion {promotion.pk} waits for another person.")


def _decide(promotion: Promotion, state: State, actor: Actor, reason: str) -> Promotion:
    promotion.state, promotion.decision_reason = state, reason[: audit.REASON_MAX]
    promotion.decided_by_id, promotion.decided_at = id_of(actor), timezone.now()
    promotion.save()
    _audit(promotion, state, before={"state": State.PROPOSED}, actor=actor, reason=reason)
    data: events.DecidedData = {
        "promotion": str(promotion.pk),
        "model": promotion.model.name,
        "alias": promotion.alias,
        "version": promotion.version.number,
        "decision": state,
    }
    publish(events.PROMOTION_DECIDED.about(promotion.model_id, data, actor_id=id_of(actor)))
    return promotion


def _audit(
    promotion: Promotion, verb: str, *, before: dict[str, object] | None, actor: Actor, reason: str
) -> None:
    audit.record(
        actor=actor,
        action=f"ml_models.promotion.{verb}",
        object_type="promotion",
        object_id=str(promotion.pk),
        before=before,
        after={
            "state": promotion.state,
            "alias": promotion.alias,
            "version": promotion.version.number,
            "gate_passed": promotion.gate_passed,
        },
        reason=reason,
    )
