"""The buttons of a model's page. Each calls the one service that the API calls too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.utils import timezone

from apps.ml_models.admin.forms import (
    PERCENT,
    ArchiveForm,
    CanaryForm,
    EndSplitForm,
    PromoteForm,
    ReplayForm,
    RollBackForm,
    ShadowForm,
    active_splits,
)
from apps.ml_models.admin.policy_form import PolicyForm
from apps.ml_models.admin.previews import promotion_preview, rollback_preview
from apps.ml_models.models import GATED_ALIASES, RegisteredModel, TrafficSplit
from apps.ml_models.selectors.promotions import policy_of
from apps.ml_models.services import (
    aliasing,
    policies,
    promoting,
    replaying,
    retiring,
    rolling,
    traffic,
)
from core.admin import actor_of, reasoned_action
from core.errors import PreconditionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from core.admin import AuditedModelAdmin
    from core.db.models import BaseModel


def move_alias(  # noqa: PLR0913, PLR0917 - whose click it is, and the move
    modeladmin: AuditedModelAdmin[Any],
    request: HttpRequest,
    model: RegisteredModel,
    alias: str,
    number: int,
    reason: str,
    override_reason: str = "",
    seen: int | None = None,
) -> None:
    """Move it, or propose to where the policy wants two people."""
    said: dict[str, Any] = {
        "model_name": model.name,
        "alias": alias,
        "number": number,
        "actor": actor_of(request),
        "reason": reason,
        "override_reason": override_reason,
        "check": unchanged(seen),
    }
    if alias in GATED_ALIASES and policy_of(model).four_eyes:
        promoting.propose(**said)
        text = f"Proposed: another person must approve that {alias} leads to version {number}."
        modeladmin.message_user(request, text, messages.INFO)
    else:
        aliasing.set_alias(**said)


def unchanged(seen: int | None) -> Callable[[BaseModel | None], None] | None:
    """A check that the row is still as the page showed it; None: no page has shown it."""
    if seen is None:
        return None

    def check(row: BaseModel | None) -> None:
        if (0 if row is None else row.row_version) != seen:
            raise PreconditionError(
                "It has been changed since this page was shown. Go back, and look at it again."
            )

    return check


def has_alias(model: RegisteredModel) -> bool:
    return model.aliases.exists()


def has_split(model: RegisteredModel) -> bool:
    return active_splits(model).exists()


class ModelActions:
    """Mixed into the page of a model."""

    object_actions: tuple[str, ...] = (
        "promote",
        "roll_back",
        "set_canary",
        "set_shadow",
        "end_split",
        "start_replay",
        "change_policy",
        "archive",
    )

    @reasoned_action(
        description="Promote a version",
        explanation="Callers follow when every web process has the version warm; no call is "
        "refused meanwhile. If it cannot be loaded, the alias stays where it is.",
        form_class=PromoteForm,
        label="Promote…",
        preview=promotion_preview,
    )
    def promote(
        self: Any,
        request: HttpRequest,
        row: RegisteredModel,
        reason: str,
        **said: Any,  # noqa: ANN401 - the form's other fields
    ) -> None:
        move_alias(
            *(self, request, row, said["alias"], said["version"], reason, said["override_reason"]),
            seen=said["seen"],
        )

    @reasoned_action(
        description="Roll an alias back",
        explanation="The alias goes back to the version that it led to before.",
        form_class=RollBackForm,
        label="Roll back…",
        applies=has_alias,
        preview=rollback_preview,
    )
    def roll_back(
        self,
        request: HttpRequest,
        row: RegisteredModel,
        reason: str,
        **said: Any,  # noqa: ANN401
    ) -> None:
        rolling.roll_back(
            model_name=row.name,
            alias=said["alias"],
            actor=actor_of(request),
            reason=reason,
            check=unchanged(said["seen"]),
        )

    @reasoned_action(
        description="Set a canary's share",
        explanation="Callers whose stable hash falls into the share are answered by the candidate "
        "within two seconds, always the same ones; it ends by itself beyond its limits.",
        form_class=CanaryForm,
        label="Set canary share…",
        applies=has_alias,
    )
    def set_canary(
        self,
        request: HttpRequest,
        row: RegisteredModel,
        reason: str,
        **said: Any,  # noqa: ANN401 - the form's other fields
    ) -> None:
        names = ("max_error_share", "max_latency_ratio", "max_score_psi", "min_calls")
        guard = traffic.Guard(**{name: said[name] for name in names})
        _set_split(request, row, reason, TrafficSplit.Kind.CANARY, said, guard)

    @reasoned_action(
        description="Run a shadow",
        explanation="A share of the calls is also run through the candidate, off the hot path; "
        "callers never see what it answers.",
        form_class=ShadowForm,
        label="Start shadow…",
        applies=has_alias,
    )
    def set_shadow(
        self,
        request: HttpRequest,
        row: RegisteredModel,
        reason: str,
        **said: Any,  # noqa: ANN401 - the form's other fields
    ) -> None:
        _set_split(request, row, reason, TrafficSplit.Kind.SHADOW, said, None)

    @reasoned_action(
        description="End a canary or shadow",
        explanation="The alias's own version answers all of its callers again within two seconds.",
        form_class=EndSplitForm,
        label="End canary or shadow…",
        applies=has_split,
    )
    def end_split(
        self, request: HttpRequest, row: RegisteredModel, reason: str, split: str
    ) -> None:
        alias, _, kind = split.rpartition(":")
        traffic.end_split(
            model_name=row.name, alias=alias, kind=kind, actor=actor_of(request), reason=reason
        )

    @reasoned_action(
        description="Replay logged requests",
        explanation="The newest logged calls of the model are run through two versions, to see "
        "which decisions would change; nothing changes for callers.",
        form_class=ReplayForm,
        label="Start replay…",
        applies=has_alias,
    )
    def start_replay(
        self,
        request: HttpRequest,
        row: RegisteredModel,
        reason: str,
        **said: Any,  # noqa: ANN401 - the form's other fields
    ) -> None:
        replaying.start_replay(
            model_name=row.name,
            number=said["version"],
            against=said["against"],
            calls=said["calls"],
            actor=actor_of(request),
            reason=reason,
        )

    @reasoned_action(
        description="Change the policy",
        explanation="How the model is promoted, what decides, and what is logged. That two people "
        "are needed goes off only when a second person asks for it as well.",
        form_class=PolicyForm,
        label="Change policy…",
    )
    def change_policy(
        self,
        request: HttpRequest,
        row: RegisteredModel,
        reason: str,
        **said: Any,  # noqa: ANN401 - the form's other fields
    ) -> None:
        check = unchanged(said.pop("seen"))
        policies.change_policy(
            model_name=row.name, changes=said, actor=actor_of(request), reason=reason, check=check
        )

    @reasoned_action(
        description="Archive a version",
        explanation="The version is retired: it answers 410 from then on, for good. Batch "
        "predictions that were submitted for it still finish.",
        form_class=ArchiveForm,
        label="Archive…",
        is_grave=True,
    )
    def archive(
        self, request: HttpRequest, row: RegisteredModel, reason: str, version: int
    ) -> None:
        retiring.retire_version(
            model_name=row.name,
            number=version,
            actor=actor_of(request),
            now=timezone.now(),
            reason=reason,
        )


def _set_split(  # noqa: PLR0913, PLR0917 - what two actions share
    request: HttpRequest,
    model: RegisteredModel,
    reason: str,
    kind: str,
    said: dict[str, Any],
    guard: traffic.Guard | None,
) -> None:
    traffic.set_split(
        model_name=model.name,
        alias=said["alias"],
        kind=kind,
        number=said["version"],
        share=round(said["percent"] * PERCENT),
        actor=actor_of(request),
        reason=reason,
        override_reason=said.get("override_reason", ""),
        guard=guard,
    )
