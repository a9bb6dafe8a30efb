"""Warehouses, stock and its ledger, in and out."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from apps.products.models import Stock, StockMovement, Warehouse
from apps.products.services.stock.adjusting import ADJUSTED_FOR
from apps.products.services.stock.moving import PIECES_MAX
from apps.products.services.stock.warehouses import CODE as WAREHOUSE_CODE
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

CODE: Final = rf"^{WAREHOUSE_CODE.pattern}$"
PRIORITY_MAX: Final = 1_000_000
NOTE_MAX: Final = 500  # characters


def code_field(**options: Any) -> serializers.RegexField:  # noqa: ANN401 - the field's own
    return serializers.RegexField(CODE, max_length=32, **options)


class WarehouseIn(InputSerializer[None]):
    code = code_field(help_text="Short name in small letters, e.g. berlin-1; for life.")
    name = serializers.CharField(max_length=120)
    priority = serializers.IntegerField(
        required=False,
        default=0,
        min_value=-PRIORITY_MAX,
        max_value=PRIORITY_MAX,
        help_text="The smallest is asked first. Those of one priority take turns.",
    )
    active = serializers.BooleanField(required=False, default=True)


class WarehousePatchIn(InputSerializer[None]):
    name = serializers.CharField(max_length=120, required=False)
    priority = serializers.IntegerField(
        required=False, min_value=-PRIORITY_MAX, max_value=PRIORITY_MAX
    )
    active = serializers.BooleanField(
        required=False, help_text="False: nothing more is promised from here; what is stays so."
    )


class WarehouseOut(OutputSerializer[Warehouse]):
    """A place that stock lies at."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()
    priority = serializers.IntegerField(help_text="The smallest is asked first.")
    active = serializers.BooleanField(help_text="False: nothing is promised from here.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def _free(on_hand: int, reserved: int, safety: int) -> int:
    return max(0, on_hand - reserved - safety)


class StockOut(OutputSerializer[Stock]):
    """Pieces of one variant at one warehouse."""

    beside = {"sku": lambda row: row.variant.sku}  # renaming it is no change of the stock

    id = serializers.UUIDField()
    variant_id = serializers.UUIDField()
    sku = ComputedField(str, of=("variant.sku",), shape=serializers.CharField())
    product_id = ComputedField(str, of=("variant.product_id",), shape=serializers.UUIDField())
    warehouse = ComputedField(
        str, of=("warehouse.code",), shape=serializers.CharField(help_text="Its code.")
    )
    on_hand = serializers.IntegerField(help_text="Pieces that lie there.")
    reserved = serializers.IntegerField(help_text="Promised to orders and carts, not yet shipped.")
    safety = serializers.IntegerField(help_text="Held back from sale.")
    available = ComputedField(
        _free,
        of=("on_hand", "reserved", "safety"),
        shape=serializers.IntegerField(),
        help_text="On hand, less reserved, less safety; never negative.",
    )
    backorder = serializers.BooleanField(help_text="More may be promised than there is.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class StockPatchIn(InputSerializer[None]):
    safety = serializers.IntegerField(
        required=False, min_value=0, max_value=PIECES_MAX, help_text="Pieces held back from sale."
    )
    backorder = serializers.BooleanField(
        required=False, help_text="More may be promised than there is."
    )


class AdjustmentIn(InputSerializer[None]):
    """One of `sku` and `variant_id`, and one of `delta` and `set`."""

    sku = serializers.CharField(max_length=64, required=False)
    variant_id = serializers.UUIDField(required=False)
    warehouse = serializers.CharField(max_length=32, help_text="Its code.")
    delta = serializers.IntegerField(
        required=False,
        min_value=-PIECES_MAX,
        max_value=PIECES_MAX,
        help_text="Pieces more, or less when negative.",
    )
    set = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=PIECES_MAX,
        help_text="So many lie there. Needs `expected_on_hand`.",
    )
    expected_on_hand = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=PIECES_MAX,
        help_text="What you think there was; when it is not, nothing is changed.",
    )
    reason = serializers.ChoiceField(choices=ADJUSTED_FOR)
    note = serializers.CharField(
        max_length=NOTE_MAX,
        required=False,
        allow_blank=True,
        default="",
        help_text="For the ledger.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        faults = {
            **_one_of(attrs, "sku", "variant_id"),
            **_one_of(attrs, "delta", "set"),
        }
        if "set" in attrs and "expected_on_hand" not in attrs:
            faults["expected_on_hand"] = _fault("Needed with `set`.", "required")
        if attrs.get("delta") == 0:
            faults["delta"] = _fault("Nothing would change.", "invalid")
        if faults:
            raise serializers.ValidationError(faults)
        return attrs


def _one_of(attrs: dict[str, Any], one: str, other: str) -> dict[str, Any]:
    if one in attrs and other in attrs:
        return {other: _fault(f"Either this or `{one}`.", "conflicting")}
    if one not in attrs and other not in attrs:
        return {one: _fault(f"This or `{other}` is needed.", "required")}
    return {}


def _fault(detail: str, code: str) -> list[serializers.ErrorDetail]:
    return [serializers.ErrorDetail(detail, code=code)]


class MovementOut(OutputSerializer[StockMovement]):
    """An entry of the ledger: what moved, why, and what there was then."""

    id = serializers.IntegerField()
    stock_id = serializers.UUIDField()
    variant_id = ComputedField(str, of=("stock.variant_id",), shape=serializers.UUIDField())
    sku = ComputedField(str, of=("stock.variant.sku",), shape=serializers.CharField())
    warehouse = ComputedField(
        str, of=("stock.warehouse.code",), shape=serializers.CharField(help_text="Its code.")
    )
    on_hand_change = serializers.IntegerField()
    reserved_change = serializers.IntegerField()
    on_hand = serializers.IntegerField(help_text="After it.")
    reserved = serializers.IntegerField(help_text="After it.")
    reason = serializers.ChoiceField(choices=StockMovement.Reason.choices)
    reference_type = ComputedField(
        lambda kind: kind or None,
        of=("reference_type",),
        shape=serializers.ChoiceField(choices=("order", "cart"), allow_null=True),
        help_text="For what; null: for none.",
    )
    reference_id = serializers.UUIDField(allow_null=True)
    note = serializers.CharField()
    actor_id = serializers.UUIDField(
        allow_null=True, help_text="The user who caused it; null: the platform."
    )
    created_at = serializers.DateTimeField()
