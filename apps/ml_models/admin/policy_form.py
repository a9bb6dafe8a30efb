"""What the page that changes a model's policy asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from apps.ml_models.admin.forms import remember
from apps.ml_models.models import ModelPolicy
from apps.ml_models.selectors.promotions import policy_of
from core.admin import ReasonForm

if TYPE_CHECKING:
    from apps.ml_models.models import RegisteredModel


class PolicyForm(ReasonForm):
    """All that may be changed of a policy, as it is now; what is left as it is is not sent on."""

    columns = (
        "four_eyes",
        "gate_metric",
        "gate_lower_is_better",
        "gate_tolerance",
        "gate_latency_us",
        "gate_max_flips",
        "decision_threshold",
        "score_output",
        "score_index",
        "log_share",
        "log_days",
    )

    def prepare(self, row: RegisteredModel) -> None:
        """The model's own fields, in its words and with its bounds."""
        policy = policy_of(row)
        fields = forms.fields_for_model(ModelPolicy, fields=self.columns)
        for name, field in fields.items():
            field.initial = getattr(policy, name)
            if isinstance(field, forms.BooleanField | forms.CharField):
                field.required = False
        if policy.four_eyes_off_by_id is not None:
            fields["keep_four_eyes"] = forms.BooleanField(
                required=False, help_text="Take back the wish that `four_eyes` ends."
            )
        self.fields = {**fields, "reason": self.fields["reason"]}
        remember(self, policy.row_version)

    def clean(self) -> dict[str, Any]:
        """Only what was changed: a wish of a colleague's is not taken back by the way."""
        changed = {"reason", "seen", *self.changed_data}
        said = {name: value for name, value in self.cleaned_data.items() if name in changed}
        return {**said, "four_eyes": True} if said.pop("keep_four_eyes", False) else said
