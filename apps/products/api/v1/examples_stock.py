"""What the schema shows of warehouses, stock and movements."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

WAREHOUSE = {
    "id": "0198f2c4-1a2b-7c3d-8e4f-5061728394a5",
    "code": "berlin-1",
    "name": "Berlin, Westhafen",
    "priority": 0,
    "active": True,
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
}
STOCK = {
    "id": "0198f2c5-2b3c-7d4e-8f50-61728394a5b6",
    "variant_id": "0198f2c4-3c4d-7e5f-8061-728394a5b6c7",
    "sku": "TEE-RED-M",
    "product_id": "0198f2c4-3c4c-7d6e-9172-8394a5b6c7d8",
    "warehouse": "berlin-1",
    "on_hand": 42,
    "reserved": 3,
    "safety": 2,
    "available": 37,
    "backorder": False,
    "created_at": "2026-03-01T12:10:00Z",
    "updated_at": "2026-03-02T09:00:00Z",
}
MOVEMENT = {
    "id": 1042,
    "stock_id": STOCK["id"],
    "variant_id": STOCK["variant_id"],
    "sku": "TEE-RED-M",
    "warehouse": "berlin-1",
    "on_hand_change": 12,
    "reserved_change": 0,
    "on_hand": 42,
    "reserved": 3,
    "reason": "received",
    "reference_type": None,
    "reference_id": None,
    "note": "Delivery note 7731",
    "actor_id": "0198f2c0-0a1b-7c2d-8e3f-405162738495",
    "created_at": "2026-03-02T09:00:00Z",
}


def sent(value: object, name: str = "request") -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def answered(value: object, status: int = 200) -> OpenApiExample:
    return OpenApiExample("answer", value=value, response_only=True, status_codes=[str(status)])


LIST_WAREHOUSES = [answered(WAREHOUSE)]
SHOW_WAREHOUSE = [answered(WAREHOUSE)]
CREATE_WAREHOUSE = [
    sent({"code": "berlin-1", "name": "Berlin, Westhafen"}),
    answered(WAREHOUSE, 201),
]
CHANGE_WAREHOUSE = [
    sent({"name": "Berlin, Osthafen", "priority": 10}),
    answered({**WAREHOUSE, "name": "Berlin, Osthafen", "priority": 10}),
]
LIST_STOCK = [answered(STOCK)]
SHOW_STOCK = [answered(STOCK)]
CHANGE_STOCK = [
    sent({"safety": 5}),
    answered({**STOCK, "safety": 5, "available": 34}),
]
ADJUST_STOCK = [
    sent(
        {
            "sku": "TEE-RED-M",
            "warehouse": "berlin-1",
            "delta": 12,
            "reason": "received",
            "note": "Delivery note 7731",
        }
    ),
    sent(
        {
            "sku": "TEE-RED-M",
            "warehouse": "berlin-1",
            "set": 42,
            "expected_on_hand": 30,
            "reason": "counted",
        },
        "count",
    ),
    answered(MOVEMENT, 201),
]
LIST_MOVEMENTS = [answered(MOVEMENT)]
