"""Asking for a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.ml_models.errors import ModelAliasNotFoundError, NothingToReplayError
from apps.ml_models.models import CHAMPION, Replay
from apps.ml_models.selectors.predictions import recent_calls
from apps.ml_models.selectors.registry import alias_by_name, model_by_name, version_by_number
from apps.ml_models.services.replaying.limits import CALLS_MAX
from apps.ml_models.services.states import check_ready, id_of
from core import audit
from core.errors import FieldError, InvalidError
from core.tasks import enqueue

if TYPE_CHECKING:
    from apps.ml_models.models import ModelVersion, RegisteredModel
    from core.audit import Actor

UNFINISHED = (Replay.State.QUEUED, Replay.State.RUNNING)


@transaction.atomic
def start_replay(  # noqa: PLR0913 - keyword-only, each a field of the call
    *,
    model_name: str,
    number: int,
    against: int | None,
    calls: int,
    actor: Actor,
    reason: str = "",
) -> Replay:
    """Have the newest logged calls of a model run through two of its versions, in a worker.

    While a replay of the same two waits or runs, it is that one which is answered: asking twice
    gives no second one.

    Args:
        model_name: of an existing model.
        number: the candidate, ready.
        against: the baseline, ready; None is the champion.
        calls: how many logged calls at most, from the newest on; 1 to CALLS_MAX.
        actor: for the audit trail; None is the platform itself.
        reason: in the actor's words.

    Raises:
        NothingToReplayError: the log holds no call with its features.
        ModelAliasNotFoundError: there is no champion to compare with.
        ModelVersionNotReadyError, ModelVersionRetiredError: one of the two.
        InvalidError: the two are one, or `calls` is out of its bounds.
    """
    model = model_by_name(model_name).reload_for_update()
    candidate = version_by_number(model.name, number)
    baseline = _baseline(model, against)
    _check(candidate, baseline, calls)
    if not recent_calls(model_id=model.pk, limit=1):
        raise NothingToReplayError(f"No call of {model.name} is in the prediction log.")
    waiting = Replay.objects.filter(candidate=candidate, baseline=baseline, state__in=UNFINISHED)
    replay = waiting.select_related("model", "candidate", "baseline").first()
    if replay is not None:
        return replay
    replay = Replay.objects.create(
        model=model,
        candidate=candidate,
        baseline=baseline,
        requested=calls,
        created_by_id=id_of(actor),
    )
    audit.record(
        actor=actor,
        action="ml_models.replay.started",
        object_type="replay",
        object_id=str(replay.pk),
        before=None,
        after={"version": candidate.number, "against": baseline.number, "calls": calls},
        reason=reason,
    )
    enqueue("ml_models.run_replay", replay_id=str(replay.pk))
    replay.refresh_from_db()
    return replay


def _baseline(model: RegisteredModel, against: int | None) -> ModelVersion:
    if against is not None:
        return version_by_number(model.name, against)
    try:
        return alias_by_name(model.name, CHAMPION).version
    except ModelAliasNotFoundError:
        detail = f"{model.name} has no champion; name a version to compare with in `against`."
        raise ModelAliasNotFoundError(detail) from None


def _check(candidate: ModelVersion, baseline: ModelVersion, calls: int) -> None:
    for version in (candidate, baseline):
        check_ready(version)
    if candidate.pk == baseline.pk:
        detail = "A version compared with itself differs nowhere."
        raise InvalidError(detail, errors=(FieldError("conflict", detail, pointer="#/against"),))
    if not 1 <= calls <= CALLS_MAX:
        detail = f"A number from 1 to {CALLS_MAX}."
        raise InvalidError(detail, errors=(FieldError("out_of_range", detail, pointer="#/calls"),))
