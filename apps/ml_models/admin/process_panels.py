"""The page of a process: what its memory goes to, and how far it is with which version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.html import format_html

from apps.ml_models.admin.display import served_state
from apps.ml_models.models import ServedVersion
from core.admin import Panel
from core.admin.charts import Part, meter, nothing_yet, share_bar
from core.admin.display import BLANK, facts, moment, size
from core.admin.objects import link

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.utils.safestring import SafeString

    from apps.ml_models.models import ServingProcess

COLOURS = 6  # of versions


def budget_meter(process: ServingProcess) -> SafeString | str:
    """What is loaded of what may be; a dash while the process has not said."""
    if not process.budget_bytes:
        return BLANK
    text = f"{size(process.loaded_bytes)} of {size(process.budget_bytes)}"
    whole = float(process.budget_bytes)
    return meter(title=text, amount=float(process.loaded_bytes), whole=whole, text=text)


def process_panels(process: ServingProcess, rows: Iterable[ServedVersion]) -> list[Panel]:
    served = list(rows)
    return [
        Panel("Memory", _memory(process, served), is_wide=True),
        Panel("Versions", _versions(served), is_wide=True),
    ]


def _memory(process: ServingProcess, served: Sequence[ServedVersion]) -> SafeString:
    """The budget as a bar, cut by the versions in memory."""
    resident = f"{size(process.rss_bytes)} resident in all, {process.loads:,} loads since its start"
    if not process.budget_bytes:
        return format_html("<p>{}</p>", resident)
    loaded = f"{size(process.loaded_bytes)} of {size(process.budget_bytes)} for versions"
    held = [row for row in served if bytes_of(row) and row.state != ServedVersion.State.END]
    parts = [
        Part(str(row.version), float(bytes_of(row)), place % COLOURS, _said(row))
        for place, row in enumerate(held)
    ]
    free = max(0, process.budget_bytes - sum(bytes_of(row) for row in held))
    parts.append(Part("free", float(free), "rest", f"free: {size(free)}"))
    bar = share_bar(title="Budget of loaded versions", parts=parts)
    return format_html("<p>{}, {}</p>{}", loaded, resident, bar)


def bytes_of(row: ServedVersion) -> int:
    """Measured if it was, else reckoned."""
    return row.measured_bytes or row.bytes


def _said(row: ServedVersion) -> str:
    how = "measured" if row.measured_bytes else "estimated"
    return f"{row.version}: {size(bytes_of(row))}, {how}"


def _versions(served: Sequence[ServedVersion]) -> SafeString:
    rows = [
        (
            link(row.version, str(row.version)),
            served_state(row),
            row.engine or BLANK,
            size(row.bytes),
            size(row.measured_bytes) if row.measured_bytes else BLANK,
            f"{row.warm_up_ms:,.0f} ms",
            moment(row.since),
            row.detail or BLANK,
        )
        for row in served
    ]
    if not rows:
        return nothing_yet("Point an alias at a version to have it loaded.", "It has none.")
    header = ("Version", "State", "Engine", "Estimated", "Measured", "Warm-up", "Since", "Detail")
    return facts(header, rows)
