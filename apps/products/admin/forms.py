"""Forms of the catalogue's pages; what they say is saved by services."""

from __future__ import annotations

from typing import Any

from apps.products.services.catalogue.variants import MEMBERS
from core.admin.editing import MoneyForm
from core.money import rounded


class VariantForm(MoneyForm):
    """A line of the variants' table."""

    amounts = ("price", "compare_at_price")

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - a form's
        super().__init__(*args, **options)
        for name in self.amounts:
            if self.initial.get(name) is not None:
                self.initial[name] = rounded(self.initial[name], self.instance.currency)

    @property
    def wanted(self) -> dict[str, Any]:
        """Of a new variant, as the service takes it; without a position it comes last."""
        values = {name: value for name, value in self.cleaned_data.items() if name in MEMBERS}
        if "position" not in self.changed_data:
            del values["position"]
        return {**values, **self.moneys}

    @property
    def moved(self) -> dict[str, Any]:
        """What was written otherwise, as the service takes it."""
        changes = self.changes
        if changes.keys() & {*self.amounts, "currency"}:
            changes |= self.moneys
        return {name: value for name, value in changes.items() if name in MEMBERS}
