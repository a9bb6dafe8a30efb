"""What the actions on models ask for beside the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from django import forms

from apps.ml_models.models import (
    BASIS_POINTS,
    CHAMPION,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    TrafficSplit,
)
from apps.ml_models.services.replaying.limits import CALLS_MAX
from apps.ml_models.services.traffic import DEFAULT_GUARD
from core import audit
from core.admin import ReasonForm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

PERCENT: Final = BASIS_POINTS // 100  # basis points
REPLAY_CALLS: Final = 1_000
CHOICES_MAX: Final = 200  # versions offered, newest first


def version_choices(model: RegisteredModel, *, without: str = "") -> list[tuple[int, str]]:
    """Ready versions, newest first, with the aliases that lead to them."""
    rows = model.versions.filter(state=ModelVersion.State.READY).prefetch_related("aliases")
    return [
        (version.number, _named(version.number, aliases))
        for version in rows.only("number", "model_id").order_by("-number")[:CHOICES_MAX]
        if without not in (aliases := sorted(alias.alias for alias in version.aliases.all()))
    ]


def _named(number: int, aliases: Iterable[str]) -> str:
    return ", ".join((f"version {number}", *aliases))


def alias_choices(model: RegisteredModel) -> list[tuple[str, str]]:
    """The champion first."""
    rows = model.aliases.select_related("version").only("alias", "version__number", "model_id")
    named = sorted(rows, key=lambda row: (row.alias != CHAMPION, row.alias))
    return [(row.alias, f"{row.alias}, now version {row.version.number}") for row in named]


def active_splits(model: RegisteredModel) -> QuerySet[TrafficSplit]:
    active = TrafficSplit.objects.filter(model=model, state=TrafficSplit.State.ACTIVE)
    return active.select_related("version")


def choose(form: forms.Form, name: str, choices: Iterable[tuple[Any, str]]) -> None:
    field = cast("forms.ChoiceField", form.fields[name])
    field.choices = list(choices)


def remember(form: forms.Form, row_version: int) -> None:
    """Send back with the form which version of a row its page shows; 0: there is none yet."""
    hidden = forms.HiddenInput()
    form.fields["seen"] = forms.IntegerField(required=False, widget=hidden, initial=row_version)


def remember_alias(form: forms.Form, model: RegisteredModel, alias: str) -> None:
    found = ModelAlias.objects.filter(model=model, alias=alias).only("row_version").first()
    remember(form, 0 if found is None else found.row_version)


class VersionField(forms.TypedChoiceField):
    """The number of a version; `prepare` fills the choices."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - a field's own options
        super().__init__(coerce=int, **options)


class OverrideForm(ReasonForm):
    """For whoever wants to go past the gate."""

    override_reason = forms.CharField(
        max_length=audit.REASON_MAX,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        label="Override the gate because",
        help_text="Only where a check of the gate has failed: why it does not count, in ten "
        "characters or more. Kept in the audit trail under its own name.",
    )
    field_order: tuple[str, ...] = ("reason", "override_reason")


class PromoteVersionForm(OverrideForm):
    """On a version's own page. A list of several has no page that shows where champion is."""

    def prepare(self, row: ModelVersion) -> None:
        remember_alias(self, row.model, CHAMPION)


class PromoteForm(OverrideForm):
    """An alias and a version first: the gate is asked about these two."""

    first = ("alias", "version")

    alias = forms.CharField(
        max_length=64,
        initial=CHAMPION,
        help_text="champion, or any name of lower-case letters, digits, - and _, also a new one.",
    )
    version = VersionField()
    field_order = ("alias", "version", "reason", "override_reason")

    def prepare(self, row: RegisteredModel) -> None:
        choose(self, "version", version_choices(row))
        remember_alias(self, row, str(self.initial.get("alias", "")))


class RollBackForm(ReasonForm):
    first = ("alias",)

    alias = forms.ChoiceField()
    field_order = ("alias", "reason")

    def prepare(self, row: RegisteredModel) -> None:
        choose(self, "alias", alias_choices(row))
        remember_alias(self, row, str(self.initial.get("alias", "")))


class SplitForm(ReasonForm):
    """A candidate and its share."""

    alias = forms.ChoiceField()
    version = VersionField(label="Candidate")
    percent = forms.FloatField(
        min_value=0.0,
        max_value=100.0,
        label="Share, %",
        widget=forms.NumberInput(attrs={"step": "0.01"}),
    )
    field_order: tuple[str, ...] = ("alias", "version", "percent", "reason")
    kind = ""

    def prepare(self, row: RegisteredModel) -> None:
        """With what the champion's split has now, so that a change starts from there."""
        choose(self, "alias", alias_choices(row))
        choose(self, "version", version_choices(row, without=CHAMPION))
        active = active_splits(row).filter(alias=CHAMPION, kind=self.kind)
        split = active.first()
        if split is not None:
            self.initial = {**self.said_by(split), **self.initial}

    def said_by(self, split: TrafficSplit) -> dict[str, object]:
        return {"version": split.version.number, "percent": split.share / PERCENT}


class ShadowForm(SplitForm):
    kind = TrafficSplit.Kind.SHADOW


class CanaryForm(SplitForm):
    """The share, and when it ends by itself."""

    kind = TrafficSplit.Kind.CANARY

    max_error_share = forms.FloatField(
        min_value=0.0,
        max_value=1.0,
        required=False,
        initial=DEFAULT_GUARD.max_error_share,
        label="Ends above an error share of",
        help_text="0 to 1; empty: any.",
    )
    max_latency_ratio = forms.FloatField(
        min_value=1.0,
        required=False,
        initial=DEFAULT_GUARD.max_latency_ratio,
        label="Ends above a latency ratio of",
        help_text="Its p95 to that of the alias's own version; empty: any.",
    )
    max_score_psi = forms.FloatField(
        min_value=0.0,
        required=False,
        initial=DEFAULT_GUARD.max_score_psi,
        label="Ends above a score PSI of",
        help_text="Of its scores against the own version's; empty: any.",
    )
    min_calls = forms.IntegerField(
        min_value=1,
        initial=DEFAULT_GUARD.min_calls,
        label="Judged from",
        help_text="Calls that it must have answered first.",
    )
    override_reason = forms.CharField(
        max_length=audit.REASON_MAX,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        label="Override the gate because",
        help_text="More than 50 % of champion must pass its gate; where it does not, why that does "
        "not count, in ten characters or more.",
    )
    field_order = (
        "alias",
        "version",
        "percent",
        "max_error_share",
        "max_latency_ratio",
        "max_score_psi",
        "min_calls",
        "reason",
        "override_reason",
    )

    def said_by(self, split: TrafficSplit) -> dict[str, object]:
        return {
            **super().said_by(split),
            "max_error_share": split.max_error_share,
            "max_latency_ratio": split.max_latency_ratio,
            "max_score_psi": split.max_score_psi,
            "min_calls": split.min_calls,
        }


class EndSplitForm(ReasonForm):
    split = forms.ChoiceField(label="What ends")
    field_order = ("split", "reason")

    def prepare(self, row: RegisteredModel) -> None:
        active = active_splits(row)
        choose(
            self,
            "split",
            [
                (f"{split.alias}:{split.kind}", f"{split}, version {split.version.number}")
                for split in active.order_by("alias", "kind")
            ],
        )


class ReplayForm(ReasonForm):
    version = VersionField(label="Candidate")
    against = forms.TypedChoiceField(coerce=int, required=False, empty_value=None)
    calls = forms.IntegerField(
        min_value=1,
        max_value=CALLS_MAX,
        initial=REPLAY_CALLS,
        help_text="Newest logged calls to run through both, at most.",
    )
    field_order = ("version", "against", "calls", "reason")

    def prepare(self, row: RegisteredModel | ModelVersion) -> None:
        """Of a version's own page it is the candidate."""
        model = row if isinstance(row, RegisteredModel) else row.model
        choose(self, "version", version_choices(model))
        choose(self, "against", [("", "the champion"), *version_choices(model)])
        if isinstance(row, ModelVersion):
            self.initial = {"version": row.number, **self.initial}


class ArchiveForm(ReasonForm):
    version = VersionField()
    field_order = ("version", "reason")

    def prepare(self, row: RegisteredModel) -> None:
        """What no alias leads to; the service knows of canaries and promotions too."""
        taken = set(row.aliases.values_list("version__number", flat=True))
        choose(self, "version", [pair for pair in version_choices(row) if pair[0] not in taken])
