"""What the schema shows of imports."""

from __future__ import annotations

from apps.products.api.v1.examples_reviews import answered

IMPORT_ID = "0198f2ca-2b3c-7d4e-8f50-6a7b8c9d0e1f"
QUEUED = {
    "id": IMPORT_ID,
    "status": "queued",
    "dry_run": False,
    "file_name": "spring.csv",
    "size_bytes": 182_044,
    "rows": 1200,
    "rows_done": 0,
    "created": 0,
    "updated": 0,
    "unchanged": 0,
    "failed": 0,
    "error": None,
    "user_id": "0198f2c0-0a1b-7c2d-8e3f-4a5b6c7d8e9f",
    "application_id": None,
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
    "ended_at": None,
}
ENDED = {
    **QUEUED,
    "status": "partially_succeeded",
    "rows_done": 1200,
    "created": 40,
    "updated": 158,
    "unchanged": 1000,
    "failed": 2,
    "updated_at": "2026-03-01T12:00:21Z",
    "ended_at": "2026-03-01T12:00:21Z",
}
ROW = {
    "line": 17,
    "outcome": "failed",
    "sku": "TEE-RED-M",
    "errors": [
        {
            "column": "price",
            "code": "invalid_amount",
            "detail": "A decimal number with a point, e.g. 19.99.",
        }
    ],
}

LIST_IMPORTS = [answered(ENDED)]
SHOW_IMPORT = [answered(ENDED)]
SUBMIT_IMPORT = [answered(QUEUED, 202)]
LIST_ROWS = [answered(ROW)]
