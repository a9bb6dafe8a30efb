"""Audit entries of what people change. What orders and carts move stands in the ledger alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import audit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.products.models import Stock, Warehouse
    from core.audit import Actor


def record(  # noqa: PLR0913 - the columns of an audit entry
    what: str,
    row: Stock | Warehouse,
    actor: Actor,
    *,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
    reason: str = "",
) -> None:
    """An entry of action `products.stock.<what>` or `products.warehouse.<what>`."""
    kind = row._meta.model_name or ""  # noqa: SLF001 - Django's documented accessor
    audit.record(
        actor=actor,
        action=f"products.{kind}.{what}",
        object_type=kind,
        object_id=str(row.pk),
        before=before,
        after=after,
        reason=reason,
    )
