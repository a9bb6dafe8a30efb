"""Policies, proposals and logged calls for tests of promotion."""

from __future__ import annotations

from datetime import UTC

from apps.accounts.models import User
from apps.ml_models.models import CHAMPION, LoggedPrediction, Promotion
from apps.ml_models.selectors.predictions import day_of_id, made_at
from apps.ml_models.services import policies, promoting
from core.audit import AdminActor
from core.db.partitions import ensure_day_partitions
from core.ids import uuid7
from tests.factories.ml_models import ROW_IN_ORDER, make_ready_version


def actor_of(user) -> AdminActor:
    return AdminActor(user.pk, user.username)


def make_staff(username: str) -> User:
    return User.objects.create_user(username=username, is_staff=True)


def set_policy(model, **changes):
    return policies.change_policy(model_name=model.name, changes=changes, actor=None)


def a_candidate_of(model, artefact):
    """A ready version of the model that is not its champion."""
    ready = model.versions.filter(state="ready").exclude(aliases__alias=CHAMPION)
    return ready.order_by("number").first() or make_ready_version(artefact, model.name)


def propose_by(user, version):
    """The open proposal of the model's champion, made unless there is one."""
    waiting = Promotion.objects.filter(model=version.model, state="proposed").first()
    return waiting or promoting.propose(
        model_name=version.model.name,
        alias=CHAMPION,
        number=version.number,
        actor=actor_of(user),
    )


def log_call(version, rows=(ROW_IN_ORDER,), *, user_id=None, **fields) -> LoggedPrediction:
    """A call that the version answered just now, as the prediction log has it."""
    id_ = uuid7()
    ensure_day_partitions("ml_models_loggedprediction", first=day_of_id(id_), days=1)
    known = {
        "id": id_,
        "day": day_of_id(id_),
        "at": made_at(id_).astimezone(UTC),
        "model_id": version.model_id,
        "version_id": version.pk,
        "alias": "champion",
        "arm": LoggedPrediction.Arm.MAIN,
        "user_id": user_id,
        "rows": len(rows),
        "features": [list(row) for row in rows],
        "scores": [0.0] * len(rows),
        "outcome": "ok",
        "latency_us": 20,
    }
    return LoggedPrediction.objects.create(**{**known, **fields})
