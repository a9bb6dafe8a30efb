"""What the schema shows: one model's way from registering to predictions."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

ROW = {
    "Administrative": 3,
    "Administrative_Duration": 36.5,
    "Informational": 0,
    "Informational_Duration": 0.0,
    "ProductRelated": 24,
    "ProductRelated_Duration": 1021.25,
    "BounceRates": 0.0,
    "ExitRates": 0.01,
    "PageValues": 21.5,
    "SpecialDay": 0.0,
    "Month": "Nov",
    "OperatingSystems": "2",
    "Browser": "2",
    "Region": "1",
    "TrafficType": "2",
    "VisitorType": "Returning_Visitor",
    "Weekend": False,
}
ANSWER = {
    "prediction": [[0.6180339]],
    "model": {"name": "purchase-intent", "version": 3},
    "prediction_id": "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47",
}
ALIAS_DOCUMENT = {
    "alias": "champion",
    "version": 3,
    "generation": 12,
    "updated_at": "2026-03-01T12:00:00Z",
}
MODEL_DOCUMENT = {
    "name": "purchase-intent",
    "description": "Whether a shopping session ends in a purchase.",
    "is_default": True,
    "aliases": [ALIAS_DOCUMENT],
    "created_at": "2026-02-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
}
SUMMARY = {
    "model": "purchase-intent",
    "version": 3,
    "state": "ready",
    "reason": None,
    "engine": "litert",
    "artefact_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "upload_digest": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    "size_bytes": 48123,
    "metrics": {"auc": 0.927, "pr_auc": 0.74, "brier": 0.071},
    "aliases": ["champion"],
    "created_at": "2026-03-01T11:58:00Z",
    "validated_at": "2026-03-01T11:58:09Z",
    "retired_at": None,
}
UPLOADED = {
    **SUMMARY,
    "state": "uploaded",
    "engine": "",
    "artefact_digest": "",
    "metrics": {},
    "aliases": [],
    "validated_at": None,
}
SIGNATURE = {
    "schema_version": 1,
    "features": [
        {"name": "PageValues", "kind": "number", "unit": "currency units", "minimum": 0.0},
        {"name": "Weekend", "kind": "boolean"},
    ],
    "inputs": [
        {
            "name": "features",
            "dtype": "float32",
            "shape": [2],
            "features": ["PageValues", "Weekend"],
        }
    ],
    "outputs": [
        {
            "name": "purchase_probability",
            "shape": [1],
            "class_labels": ["no_purchase", "purchase"],
        }
    ],
}
SERVING = [{"role": "web", "state": "available", "processes": 2, "detail": ""}]
JOB = {
    "id": "0198f2c5-1b2c-7d3e-8f90-a1b2c3d4e5f6",
    "status": "running",
    "detail": None,
    "model": "purchase-intent",
    "version": 3,
    "alias": "champion",
    "artefact_digest": SUMMARY["artefact_digest"],
    "input": {"format": "csv", "bytes": 812345, "sha256": SUMMARY["upload_digest"]},
    "output_format": "jsonl",
    "counts": {"total": 10000, "succeeded": 4093, "failed": 3},
    "percent": 40.9,
    "rows_per_second": 21000.5,
    "eta_seconds": 1,
    "application_id": None,
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:01.195Z",
    "started_at": "2026-03-01T12:00:01Z",
    "cancelling_at": None,
    "finished_at": None,
    "expires_at": "2026-03-08T12:00:00Z",
    "expired_at": None,
}


def sent(name: str, value: object) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def listed(value: object) -> list[OpenApiExample]:
    """A page of a list with this in it; the schema wraps a list's examples by itself."""
    return [OpenApiExample("Page", value=value, response_only=True, status_codes=["200"])]


def answered(value: object, status: str = "200") -> OpenApiExample:
    return OpenApiExample("Answer", value=value, response_only=True, status_codes=[status])


PREDICT = [
    sent("One row by name", {"features": ROW}),
    sent("Rows in order", {"features": [list(ROW.values())], "model": "purchase-intent"}),
    answered(ANSWER),
]
PREDICT_NAMED = [sent("Rows by name", {"features": [ROW]}), answered(ANSWER)]
CREATE_MODEL = [
    sent("A model", {"name": "churn", "description": "Who leaves next month."}),
    answered({**MODEL_DOCUMENT, "version": None}, "201"),
    answered({**MODEL_DOCUMENT, "aliases": [], "version": UPLOADED}, "202"),
]
LIST_MODELS = listed(MODEL_DOCUMENT)
LIST_VERSIONS = listed(SUMMARY)
UPLOAD = [answered(SUMMARY), answered(UPLOADED, "202")]
ALIAS = [answered(ALIAS_DOCUMENT)]
SET_ALIAS = [
    sent("Promote", {"version": 3, "reason": "Better calibrated than 2."}),
    answered(ALIAS_DOCUMENT),
]
BATCH = [answered(JOB)]
LIST_BATCHES = listed(JOB)
CANCEL_BATCH = [answered({**JOB, "status": "cancelling", "cancelling_at": "2026-03-01T12:00:02Z"})]
SUBMIT = [
    sent("Rows", {"model": "purchase-intent", "features": [ROW, ROW], "output_format": "csv"}),
    answered({**JOB, "status": "queued", "percent": None, "started_at": None}, "202"),
]
