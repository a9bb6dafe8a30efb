"""How splits end: by staff, by what becomes of their alias, or by their guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from apps.ml_models.errors import TrafficSplitNotFoundError
from apps.ml_models.models import TrafficSplit
from apps.ml_models.selectors.registry import model_by_name
from apps.ml_models.selectors.traffic import newest_split
from apps.ml_models.services.states import id_of
from apps.ml_models.services.traffic import telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.ml_models.models import ModelVersion, RegisteredModel
    from core.audit import Actor

STOPPED, REPLACED = "stopped", "replaced"
PROMOTED, ALIAS_MOVED, ALIAS_DELETED = "promoted", "alias_moved", "alias_deleted"
DETAIL_MAX = 500  # characters


@transaction.atomic
def end_split(  # noqa: PLR0913 - keyword-only, each a field of the call
    *,
    model_name: str,
    alias: str,
    kind: str,
    actor: Actor,
    reason: str = "",
    check: Callable[[TrafficSplit | None], None] | None = None,
) -> TrafficSplit:
    """Have the alias's own version answer all of its callers again, within 2 s.

    Raises:
        TrafficSplitNotFoundError: there is none that is active.
    """
    model = model_by_name(model_name).reload_for_update()
    split = newest_split(model, alias, kind)
    if check is not None:
        check(split)
    if split is None or split.state != TrafficSplit.State.ACTIVE:
        raise TrafficSplitNotFoundError(f"{model.name}'s {alias[:80]!r} has no active {kind}.")
    close(split, STOPPED, actor=actor, reason=reason)
    return split


def end_splits_of(
    *,
    model: RegisteredModel,
    alias: str,
    version: ModelVersion | None,
    actor: Actor,
    reason: str = "",
) -> None:
    """End what an alias that moves, or goes, has of splits. Caller has locked the model.

    A candidate is compared with one version. When that no longer is the alias's own, the
    comparison is over, whether the candidate took its place or another did.

    Args:
        model: locked.
        alias: its name.
        version: where the alias leads from now on; None: it is deleted.
        actor: who moves the alias.
        reason: in the actor's words.
    """
    active = TrafficSplit.objects.select_related("version", "model").filter(
        model=model, alias=alias, state=TrafficSplit.State.ACTIVE
    )
    for split in active.order_by("kind"):
        close(split, _code_of(split, version), actor=actor, reason=reason)


def _code_of(split: TrafficSplit, version: ModelVersion | None) -> str:
    if version is None:
        return ALIAS_DELETED
    return PROMOTED if version.pk == split.version_id else ALIAS_MOVED


def roll_back_split(split: TrafficSplit, code: str, detail: str) -> None:
    """Take a canary away by itself. Caller has locked its model and seen that it is active."""
    close(
        split, code, actor=None, reason=detail, state=TrafficSplit.State.ROLLED_BACK, detail=detail
    )


def close(  # noqa: PLR0913 - what is written is that much
    split: TrafficSplit,
    code: str,
    *,
    actor: Actor,
    reason: str,
    state: str = TrafficSplit.State.ENDED,
    detail: str = "",
) -> None:
    """Write an active split's end, and tell of it. Caller has locked its model."""
    before = telling.shown(split)
    split.state, split.end_code, split.end_detail = state, code, detail[:DETAIL_MAX]
    split.ended_at = timezone.now()
    split.ended_by_id = id_of(actor)
    split.save(update_fields=["state", "end_code", "end_detail", "ended_at", "ended_by"])
    telling.record(split, str(state), before=before, actor=actor, reason=reason)
    telling.tell_ended(split, actor=actor)
