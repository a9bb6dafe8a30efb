"""What the schema shows of the event log."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

EVENT: dict[str, Any] = {
    "id": "0198f2d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
    "type": "batch_prediction.succeeded",
    "occurred_at": "2026-03-02T08:31:07.214503Z",
    "object": {
        "type": "batch_prediction",
        "id": "0198f2cf-90ab-7cde-8f01-23456789abcd",
        "url": "https://api.example.com/api/v1/batch-predictions/0198f2cf-90ab-7cde-8f01-23456789abcd",
        "sequence": 3,
    },
    "data": {
        "model": "purchase-intent",
        "version": 8,
        "status": "succeeded",
        "counts": {"total": 5000, "succeeded": 5000, "failed": 0},
    },
    "schema_version": 1,
    "application_id": "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47",
    "request_id": "req_0198f2c71d0e7a7000a0000123456789",
}

EVENTS = [OpenApiExample("answer", value=EVENT, response_only=True, status_codes=["200"])]
