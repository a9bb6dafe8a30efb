"""What pages of actions say will happen, before anybody confirms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models.functions import Now
from django.utils.html import format_html

from apps.ml_models.admin.tables import gate_table
from apps.ml_models.models import GATED_ALIASES, ModelAlias, RegisteredModel, Rollout
from apps.ml_models.selectors.promotions import policy_of
from apps.ml_models.selectors.rollouts import version_before
from apps.ml_models.services import gating

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.safestring import SafeString


def promotion_preview(model: RegisteredModel, said: Mapping[str, Any]) -> str:
    alias, number = str(said["alias"] or ""), str(said["version"] or "")
    return gate_preview(model, alias, int(number)) if number.isdigit() else ""


def gate_preview(model: RegisteredModel, alias: str, number: int) -> SafeString:
    """From which version to which, who must agree, and each check of the gate."""
    current = ModelAlias.objects.filter(model=model, alias=alias).select_related("version").first()
    known = None if current is None else current.version.number
    before = "is new and leads" if known is None else f"leads from version {known}"
    move = format_html("<p><b>{}</b> {} to <b>version {}</b>.</p>", alias, before, number)
    if alias not in GATED_ALIASES:
        return format_html("{}<p>This alias has no gate.</p>", move)
    agree = "It moves at once, and is live when every web process has the version warm."
    if policy_of(model).four_eyes:
        agree = "Another person must approve before it moves: the model's policy asks for two."
    report = gating.report_of(model_name=model.name, number=number, alias=alias)
    css, verdict = (
        ("good", "The gate lets it pass.")
        if report.passed
        else ("bad", "The gate does not let it pass: say below why it does not count, or go back.")
    )
    return format_html(
        '{}<p>{}</p><p class="verdict {}">{}</p>{}',
        *(move, agree, css, verdict, gate_table(report.to_document()["checks"])),
    )


def rollback_preview(model: RegisteredModel, said: Mapping[str, Any]) -> str:
    """Where the alias would go, as services.rolling decides it."""
    alias = str(said["alias"] or "")
    current = ModelAlias.objects.filter(model=model, alias=alias).select_related("version").first()
    before = None if current is None else version_before(model, alias, current.version)
    if current is None or before is None:
        return format_html("<p><b>{}</b> has no version to go back to.</p>", alias)
    warm = Rollout.objects.filter(model=model, previous=before, warm_until__gt=Now()).exists()
    how = (
        "It is kept warm, so callers follow within two seconds."
        if warm
        else "It is loaded first; callers follow when every web process has it warm."
    )
    return format_html(
        "<p><b>{}</b> goes back from version {} to <b>version {}</b>. {}</p>"
        "<p>The gate is not asked.</p>",
        *(alias, current.version.number, before.number, how),
    )
