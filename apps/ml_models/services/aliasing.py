"""Which version callers get: aliases, the default model, and taking versions out of use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.ml_models import events
from apps.ml_models.errors import (
    ApprovalRequiredError,
    DefaultModelNeedsChampionError,
    ModelAliasNotFoundError,
    SignatureDiffersError,
)
from apps.ml_models.models import CHAMPION, GATED_ALIASES, ModelAlias, RegisteredModel
from apps.ml_models.selectors.promotions import policy_of
from apps.ml_models.selectors.registry import model_by_name, version_by_number
from apps.ml_models.services.gatekeeping import check_override, keep_promotion, pass_gate
from apps.ml_models.services.gating import check_runnable
from apps.ml_models.services.names import check_alias
from apps.ml_models.services.rolling import find_for_update, start_rollout, tell_alias_moved
from apps.ml_models.services.routing import move_generation
from apps.ml_models.services.states import check_ready, id_of
from apps.ml_models.services.traffic import end_splits_of
from core import audit
from core.db.locks import lock_in_order, lock_name
from core.outbox import publish
from serving.signature import Signature
from serving.standing_in import why_not

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.audit import Actor

DEFAULT_LOCK = "default_model"


@transaction.atomic
def set_alias(  # noqa: PLR0913 - keyword-only, each a field of the call
    *,
    model_name: str,
    alias: str,
    number: int,
    actor: Actor,
    reason: str = "",
    override_reason: str = "",
    check: Callable[[ModelAlias | None], None] | None = None,
) -> ModelAlias:
    """Point an alias at a version: promotes it, or rolls back. Callers follow within 2 s.

    A gated alias moves only past the gate, and leaves a promotion that says what the gate found.

    The alias's row is locked, and the model's too while the alias does not exist yet, so of two
    concurrent moves one sees what the other did.

    Args:
        model_name: of an existing model.
        alias: made when it does not exist.
        number: of the version, which must be ready.
        actor: for the audit trail; None is the platform itself.
        reason: in the actor's words.
        override_reason: why a gate that does not let it pass shall not count.
        check: a precondition (If-Match), asked again under the lock; raises when it fails.

    Raises:
        ModelVersionNotReadyError: the version is uploaded, validating or rejected.
        ModelVersionRetiredError: it has been retired.
        RuntimeUnavailableError: only TensorFlow runs it and the web may not load TensorFlow.
        ApprovalRequiredError: the model's policy asks for a second person.
        PromotionRefusedError: the gate does not let it pass, and no reason is given to override.
    """
    check_alias(alias)
    model = model_by_name(model_name).reload_for_update()
    version = version_by_number(model.name, number).reload_for_update()
    check_ready(version)
    check_runnable(version)
    current = find_for_update(model, alias)
    if check is not None:
        check(current)
    if current is not None and current.version_id == version.pk:
        return current
    report = (
        pass_gate(model, alias, version, current, override_reason)
        if alias in GATED_ALIASES
        else None
    )
    moved = start_rollout(
        model=model, alias=alias, current=current, version=version, actor=actor, reason=reason
    )
    if report is not None:
        keep_promotion(model, version, report, actor, reason, override_reason)
    return moved


@transaction.atomic
def delete_alias(
    *,
    model_name: str,
    alias: str,
    actor: Actor,
    reason: str = "",
    check: Callable[[ModelAlias], None] | None = None,
) -> None:
    """Remove an alias; calls by it answer 404 within 2 s.

    Raises:
        ModelAliasNotFoundError: there is none of that name.
        DefaultModelNeedsChampionError: it is the default model's `champion`.
    """
    model = model_by_name(model_name).reload_for_update()
    current = find_for_update(model, alias)
    if current is None:
        raise ModelAliasNotFoundError(f"{model.name} has no alias {alias[:80]!r}.")
    if check is not None:
        check(current)
    if model.is_default and alias == CHAMPION:
        raise DefaultModelNeedsChampionError(f"{model.name} is the default model.")
    before = current.version.number
    end_splits_of(model=model, alias=alias, version=None, actor=actor, reason=reason)
    current.delete()
    tell_alias_moved(model, alias, before, None, move_generation(), actor, reason)


@transaction.atomic
def set_default(
    *, model_name: str, actor: Actor, reason: str = "", override_reason: str = ""
) -> RegisteredModel:
    """Make a model the one that POST /predict asks when no model is named.

    For callers who name none that is a promotion in all but name, so the policy and the signature
    of the present default model count as they would there.

    Args:
        model_name: of an existing model.
        actor: for the audit trail; None is the platform itself.
        reason: in the actor's words.
        override_reason: why it does not matter that callers have to send, or get, something else.

    Raises:
        DefaultModelNeedsChampionError: it has no alias `champion` to answer with.
        ApprovalRequiredError: the present default model's policy asks for a second person.
        SignatureDiffersError: its champion cannot stand in for the present default model's.
    """
    lock_name(DEFAULT_LOCK)  # one change of the default at a time
    previous = RegisteredModel.objects.filter(is_default=True).first()
    wanted = model_by_name(model_name)
    both = RegisteredModel.objects.filter(
        pk__in={wanted.pk, previous.pk if previous else wanted.pk}
    )
    model = {row.pk: row for row in lock_in_order(both, no_key=True)}[wanted.pk]
    if model.is_default:
        return model
    champion = find_for_update(model, CHAMPION)
    if champion is None:
        raise DefaultModelNeedsChampionError(f"{model.name} has no alias {CHAMPION}.")
    if previous is not None:
        _check_takes_over(previous, champion, actor, override_reason)
    generation = move_generation()
    if previous is not None:
        RegisteredModel.objects.filter(pk=previous.pk).update(is_default=False)
    model.is_default = True
    model.save(update_fields=["is_default"])
    before = None if previous is None else previous.name
    audit.record(
        actor=actor,
        action="ml_models.default.moved",
        object_type="model",
        object_id=str(model.pk),
        before={"default": before},
        after={"default": model.name},
        reason=reason,
    )
    data: events.DefaultMovedData = {
        "model": model.name,
        "previous_model": before,
        "generation": generation,
    }
    publish(events.DEFAULT_MOVED.about(model.pk, data, actor_id=id_of(actor)))
    return model


def _check_takes_over(
    previous: RegisteredModel, champion: ModelAlias, actor: Actor, override_reason: str
) -> None:
    """Refuse to hand callers over who would notice. Caller has locked both models."""
    if policy_of(previous).four_eyes:
        raise ApprovalRequiredError(
            f"{previous.name} is the default model, and what answers its callers is changed by two "
            "people. Both end its `four_eyes` first, or promote a version of that model."
        )
    check_override(override_reason)
    present = find_for_update(previous, CHAMPION)
    difference = "" if present is None else _difference(champion, present)
    if not difference:
        return
    if not override_reason:
        raise SignatureDiffersError(difference)
    audit.record(
        actor=actor,
        action="ml_models.gate.overridden",
        object_type="model",
        object_id=str(champion.model_id),
        before=None,
        after={"alias": CHAMPION, "version": champion.version.number, "failed": ["signature"]},
        reason=override_reason.strip(),
    )


def _difference(champion: ModelAlias, present: ModelAlias) -> str:
    return why_not(
        Signature.from_document(champion.version.signature),
        Signature.from_document(present.version.signature),
    )
