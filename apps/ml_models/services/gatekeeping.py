"""Whether a version may pass the gate of an alias, and what is kept of its passing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from apps.ml_models.errors import ApprovalRequiredError, PromotionRefusedError
from apps.ml_models.models import Promotion, Rollout
from apps.ml_models.selectors.promotions import policy_of
from apps.ml_models.services.gating import judge
from apps.ml_models.services.states import id_of
from core import audit
from core.errors import FieldError, InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from apps.ml_models.models import ModelAlias, ModelVersion, RegisteredModel
    from apps.ml_models.services.gating import Check, GateReport
    from core.audit import Actor

OVERRIDE_MIN: Final = 10  # characters of a reason to go past the gate: more than "ok" and "urgent"


def pass_gate(
    model: RegisteredModel,
    alias: str,
    version: ModelVersion,
    current: ModelAlias | None,
    override_reason: str,
) -> GateReport:
    """What the gate says of a move that one person makes. Caller has locked model and version.

    Raises:
        ApprovalRequiredError: the model's policy asks for a second person.
        PromotionRefusedError: it does not let the version pass, and nobody overrides it.
        InvalidError: the reason to override it is none.
    """
    if policy_of(model).four_eyes:
        raise ApprovalRequiredError(f"{alias} of {model.name} moves when two people want it.")
    report = judge(model=model, alias=alias, version=version, current=current)
    check_passes(report, override_reason)
    return report


def check_passes(report: GateReport, override_reason: str) -> None:
    """Raise PromotionRefusedError, or InvalidError for a reason to override that is none."""
    check_override(override_reason)
    if not report.passed and not override_reason:
        raise _refused(report.failed)


def check_override(override_reason: str) -> None:
    """Raise InvalidError for a reason to override that is none; empty is fine."""
    if override_reason and len(override_reason.strip()) < OVERRIDE_MIN:
        detail = f"At least {OVERRIDE_MIN} characters that say why the gate does not count."
        fault = FieldError("min_length", detail, pointer="#/override_reason")
        raise InvalidError(detail, errors=(fault,))


def _refused(failed: Iterable[Check]) -> PromotionRefusedError:
    faults = tuple(FieldError(check.code, check.detail, pointer="#/version") for check in failed)
    return PromotionRefusedError(" ".join(fault.detail for fault in faults), errors=faults)


def keep_promotion(  # noqa: PLR0913, PLR0917 - one fact with six parts
    model: RegisteredModel,
    version: ModelVersion,
    report: GateReport,
    actor: Actor,
    reason: str,
    override_reason: str,
) -> Promotion:
    """Write down a move that one person has just made past the gate."""
    tell_overridden(model, version, report, actor, override_reason)
    return Promotion.objects.create(
        model=model,
        alias=report.alias,
        version=version,
        state=Promotion.State.APPROVED,
        gate=report.to_document(),
        gate_passed=report.passed,
        override_reason="" if report.passed else override_reason.strip()[: audit.REASON_MAX],
        reason=reason[: audit.REASON_MAX],
        proposed_by_id=id_of(actor),
        decided_by_id=id_of(actor),
        decided_at=timezone.now(),
        rollout_id=rollout_of(model, report.alias, version),
    )


def tell_overridden(
    model: RegisteredModel,
    version: ModelVersion,
    report: GateReport,
    actor: Actor,
    override_reason: str,
) -> None:
    """An entry of its own in the audit trail for whoever goes past a gate that says no."""
    if report.passed:
        return
    failed = [check.code for check in report.failed]
    audit.record(
        actor=actor,
        action="ml_models.gate.overridden",
        object_type="model",
        object_id=str(model.pk),
        before=None,
        after={"alias": report.alias, "version": version.number, "failed": failed},
        reason=override_reason.strip(),
    )


def rollout_of(model: RegisteredModel, alias: str, version: ModelVersion) -> UUID | None:
    """The move that has just begun, or ended at once."""
    moves = Rollout.objects.filter(model=model, alias=alias, version=version)
    return moves.order_by("-id").values_list("pk", flat=True).first()


def check_passes_still(promotion: Promotion, report: GateReport) -> None:
    """A reason to override counts for the checks that failed when it was given, for no others.

    Raises:
        PromotionRefusedError: another check fails now.
    """
    overridden = set()
    if promotion.override_reason:
        checks: list[dict[str, Any]] = promotion.gate["checks"]
        overridden = {check["code"] for check in checks if not check["passed"]}
    failed = [check for check in report.failed if check.code not in overridden]
    if failed:
        raise _refused(failed)
