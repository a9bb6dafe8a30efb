"""What is asked before an order is cancelled, sent or refunded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from apps.orders.models import Order, Refund
from core.admin import ReasonForm
from core.money import DIGITS, Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.orders.models import OrderLine

LINE: Final = "line_"  # and the line's id, in hex


class CancelForm(ReasonForm):
    cancel_reason = forms.ChoiceField(label="Because of", choices=Order.CancelReason)


class LinesForm(ReasonForm):
    """Asks how many pieces of each line; a subclass says how many there may be.

    A page that was opened when there was more of a line says so of a line that has nothing left
    now: it is refused, never read as if nothing had been said of it.
    """

    def prepare(self, row: Any) -> None:  # noqa: ANN401 - an order
        for line in row.lines.order_by("position"):
            most = self.most(line)
            if most or f"{LINE}{line.pk.hex}" in self.data:
                self.fields[f"{LINE}{line.pk.hex}"] = forms.IntegerField(
                    label=f"{line.sku} {line.product_name}",
                    min_value=0,
                    max_value=most,
                    required=False,
                    initial=self.start(line),
                    help_text=f"At most {most}.",
                )

    def most(self, line: OrderLine) -> int:
        raise NotImplementedError

    def start(self, line: OrderLine) -> int:
        return 0


class ParcelForm(LinesForm):
    carrier = forms.CharField(max_length=80, required=False)
    tracking_number = forms.CharField(max_length=120, required=False)
    tracking_url = forms.URLField(
        label="Tracking address",
        max_length=500,
        required=False,
        assume_scheme="https",
        help_text="Begins with https.",
    )

    def most(self, line: OrderLine) -> int:
        return line.quantity - max(line.fulfilled_quantity, line.refunded_quantity)

    def start(self, line: OrderLine) -> int:
        return self.most(line)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not pieces_of(cleaned):
            raise ValidationError("Say which pieces are in the parcel.")
        return cleaned

    def clean_tracking_url(self) -> str:
        address = str(self.cleaned_data["tracking_url"])
        if address and not address.startswith("https://"):
            raise ValidationError("It must begin with https.")
        return address


class RefundForm(LinesForm):
    """An amount, or pieces of lines, or everything: one of them, so that what is meant is said."""

    refund_reason = forms.ChoiceField(
        label="Because of",
        choices=[
            (value, label)
            for value, label in Refund.Reason.choices
            if value not in {Refund.Reason.CANCELLED, Refund.Reason.LATE_PAYMENT}
        ],
    )
    amount = forms.DecimalField(
        required=False,
        min_value=0,
        max_digits=16,
        decimal_places=3,
    )
    everything = forms.BooleanField(
        label="Everything that is left", required=False, help_text="Shipping and its tax too."
    )
    restock = forms.BooleanField(
        label="Pieces that were sent are back in stock", required=False, initial=False
    )

    def prepare(self, row: Any) -> None:  # noqa: ANN401 - an order
        super().prepare(row)
        self.currency = row.currency
        self.fields["amount"].label = f"Amount in {row.currency}"

    def most(self, line: OrderLine) -> int:
        return line.quantity - line.refunded_quantity

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        amount = cleaned.get("amount")
        said = [amount is not None, bool(pieces_of(cleaned)), bool(cleaned.get("everything"))]
        if not self.errors and said.count(True) != 1:
            raise ValidationError("Say an amount, or pieces, or everything.")
        if amount is not None:
            try:
                Money(amount, self.currency)
            except ValueError as error:
                digits = DIGITS[self.currency]
                text = f"{self.currency} has {digits} digits behind the point."
                raise ValidationError({"amount": text}) from error
        return cleaned


def pieces_of(said: Mapping[str, Any]) -> dict[UUID, int]:
    """By line, of what a LinesForm holds; lines of which nothing is meant are left out."""
    return {
        UUID(hex=name.removeprefix(LINE)): count
        for name, count in said.items()
        if name.startswith(LINE) and count
    }
