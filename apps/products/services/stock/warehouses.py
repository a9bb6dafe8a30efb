"""Places that stock lies at. One is never deleted: its ledger stays. It can be switched off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from apps.products.errors import InvalidStockError, WarehouseCodeTakenError
from apps.products.models import Warehouse
from apps.products.selectors.stock import warehouse_for
from apps.products.services.stock.recording import record
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from core.audit import Actor

CODE: Final = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", re.ASCII)
RULES: Final = ("name", "priority", "active")
"""What can be changed; the code is for life."""


@transaction.atomic
def create_warehouse(*, code: str, rules: Mapping[str, Any], actor: Actor) -> Warehouse:
    """Make one. Raises WarehouseCodeTakenError, InvalidStockError: not a short name by CODE."""
    if CODE.fullmatch(code) is None:
        detail = "Small letters and digits, with single hyphens or underscores between."
        fault = FieldError("invalid", detail, pointer="#/code")
        raise InvalidStockError(detail, errors=(fault,))
    made = Warehouse(code=code, **rules)
    found = Warehouse.objects.bulk_create([made], ignore_conflicts=True)
    if not Warehouse.objects.filter(pk=found[0].pk).exists():
        raise WarehouseCodeTakenError(f"There is a warehouse {code} already.")
    record("created", made, actor, before=None, after={"code": code, **rules})
    return warehouse_for(made.pk)


@transaction.atomic
def change_warehouse(
    *,
    warehouse_id: UUID,
    changes: Mapping[str, Any],
    check: Callable[[Warehouse], None],
    actor: Actor,
) -> Warehouse:
    """Store what `changes` names of RULES; what is promised from a place that goes off stays so.

    Raises WarehouseNotFoundError. `check` is called with the row, early and again under its lock,
    to raise when the caller has seen an older one.
    """
    row = warehouse_for(warehouse_id)
    check(row)
    row = row.reload_for_update()
    check(row)
    changed = {
        name: changes[name]
        for name in RULES
        if name in changes and changes[name] != getattr(row, name)
    }
    if changed:
        before = {name: getattr(row, name) for name in changed}
        for name, value in changed.items():
            setattr(row, name, value)
        row.save(update_fields=[*changed])
        record("changed", row, actor, before=before, after=changed)
    return row
