"""What is asked before stock is corrected, received or ruled anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError

from apps.products.models import StockMovement, Warehouse
from apps.products.services.stock.adjusting import ADJUSTED_FOR
from core.admin import ReasonForm

if TYPE_CHECKING:
    from apps.products.models import Stock

PIECES_MAX: Final = 1_000_000_000
REASONS: Final = [
    (value, label) for value, label in StockMovement.Reason.choices if value in ADJUSTED_FOR
]


class AdjustForm(ReasonForm):
    """A count, or a change, of the number that was seen: nobody else's count is lost."""

    because = forms.ChoiceField(label="Because it was", choices=REASONS)
    change = forms.IntegerField(
        required=False,
        min_value=-PIECES_MAX,
        max_value=PIECES_MAX,
        help_text="Pieces more, or less when negative.",
    )
    counted = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=PIECES_MAX,
        help_text="Or: so many lie there now.",
    )
    expected = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def prepare(self, row: Any) -> None:  # noqa: ANN401 - a stock row
        self.fields["expected"].initial = row.on_hand
        self.fields["change"].label = f"Change ({row.on_hand} on hand, {row.reserved} reserved)"

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if (cleaned.get("change") is None) == (cleaned.get("counted") is None):
            raise ValidationError("Say either a change or what was counted.")
        return cleaned


class RulesForm(ReasonForm):
    """What is not changed on the page stays as somebody else may have set it meanwhile."""

    safety = forms.IntegerField(
        min_value=0,
        max_value=PIECES_MAX,
        show_hidden_initial=True,
        help_text="Pieces held back from sale.",
    )
    backorder = forms.BooleanField(
        required=False,
        show_hidden_initial=True,
        help_text="More may be promised than there is on hand.",
    )

    def prepare(self, row: Stock) -> None:
        self.fields["safety"].initial = row.safety
        self.fields["backorder"].initial = row.backorder

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        names = {"safety", "backorder"} & {*self.changed_data}
        return {
            "reason": cleaned.get("reason", ""),
            "changes": {name: cleaned.get(name) for name in names},
        }


class ReceiveForm(ReasonForm):
    warehouse = forms.ModelChoiceField(Warehouse.objects.order_by("priority", "code"))
    pieces = forms.IntegerField(min_value=1, max_value=PIECES_MAX)
