"""The chart of what was called, by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.admin.charts import day_bars
from core.admin.display import BLANK

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from apps.developers.selectors.daily_calls import DailyCalls


def calls_chart(calls: DailyCalls) -> SafeString | str:
    """Stacked bars, one a day; a dash when nothing was called."""
    if not calls.days:
        return BLANK
    return day_bars(label="Calls by day", days=calls.days, series=calls.series, noun="calls")
