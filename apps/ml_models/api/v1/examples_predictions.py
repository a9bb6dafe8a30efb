"""What the schema shows of the prediction log, quality and drift."""

from __future__ import annotations

from apps.ml_models.api.v1.examples import ANSWER, ROW, answered, listed, sent

LOGGED = {
    "id": ANSWER["prediction_id"],
    "created_at": "2026-03-01T12:00:00.123Z",
    "model": "purchase-intent",
    "version": 3,
    "alias": "champion",
    "arm": "main",
    "rows": 1,
    "outcome": "ok",
    "latency_us": 412,
    "application_id": None,
    "request_id": "req_0198f2c47d1e7a3b9c552f6d1b0e8a47",
}
TRUTH = {"truths": [1.0], "received_at": "2026-03-02T08:00:00Z"}
LOGGED_WHOLE = {
    **LOGGED,
    "features": [list(ROW.values())],
    "scores": [0.6180339],
    "classes": None,
    "outputs": None,
    "truth": TRUTH,
}
QUALITY = {
    "day": "2026-03-01",
    "calls": 4210,
    "failed_calls": 0,
    "rows": 4385,
    "truths": 1290,
    "positives": 201,
    "auc": 0.921,
    "log_loss": 0.241,
    "brier": 0.073,
    "calibration_error": 0.018,
    "mean_score": 0.158,
    "bins": [{"rows": 3012, "truths": 880, "positives": 22, "score_sum": 25.7}],
    "latency_us": {"p50": 380, "p95": 610, "p99": 1204},
    "computed_at": "2026-03-02T00:12:00Z",
}
DRIFT = {
    "day": "2026-03-01",
    "feature": "PageValues",
    "rows": 4385,
    "psi": 0.31,
    "threshold": 0.1,
    "drifted": True,
    "counts": [2100, 410, 402, 377, 398, 350, 348, 0],
    "computed_at": "2026-03-02T00:12:01Z",
}

LIST_PREDICTIONS = listed(LOGGED)
PREDICTION = [answered(LOGGED_WHOLE)]
FEEDBACK = [
    sent("One row", {"truth": 1}),
    answered({**TRUTH, "prediction_id": ANSWER["prediction_id"]}, "201"),
    answered({**TRUTH, "prediction_id": ANSWER["prediction_id"]}),
]
LIST_QUALITY = listed(QUALITY)
LIST_DRIFT = listed(DRIFT)
