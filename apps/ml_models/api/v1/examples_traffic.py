"""What the schema shows of canaries, shadows and their comparison."""

from __future__ import annotations

from apps.ml_models.api.v1.examples import answered, sent

SHADOW_DOCUMENT = {
    "alias": "champion",
    "version": 4,
    "base_version": 3,
    "percent": 20.0,
    "state": "active",
    "reason": "First look at March's model.",
    "started_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:30:00Z",
    "ended_at": None,
    "end_code": "",
    "end_detail": "",
}
GUARD = {
    "max_error_share": 0.05,
    "max_latency_ratio": 3.0,
    "max_score_psi": 0.25,
    "min_calls": 100,
}
CANARY_DOCUMENT = {
    **SHADOW_DOCUMENT,
    "guard": GUARD,
    "observed": {
        "calls": 812,
        "failures": 0,
        "callers": 31,
        "own_calls": 344,
        "own_failures": 0,
        "own_callers": 118,
        "error_share": 0.0,
        "latency_p95_us": 640.0,
        "own_latency_p95_us": 610.0,
        "latency_ratio": 1.05,
        "score_psi": 0.04,
    },
    "observed_at": "2026-03-01T12:30:10Z",
}


def _interval(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


OWN_ARM = {
    "arm": "main",
    "version": 3,
    "calls": 3440,
    "callers": 118,
    "rows": 4127,
    "failures": 0,
    "error_share": _interval(0.0, 0.0, 0.0011),
    "latency_p50_us": 420.0,
    "latency_p95_us": 610.0,
    "scores": 4127,
    "mean_score": _interval(0.161, 0.153, 0.169),
    "positive_share": _interval(0.138, 0.128, 0.149),
    "truths": 2210,
    "positives": 341,
    "accuracy": _interval(0.891, 0.877, 0.903),
    "auc": _interval(0.918, 0.904, 0.932),
    "brier": _interval(0.081, 0.075, 0.087),
    "calibration_error": 0.021,
}
COMPARISON_DOCUMENT = {
    "model": "purchase-intent",
    "alias": "champion",
    "since_at": "2026-03-01T12:00:00Z",
    "until_at": None,
    "arms": [
        OWN_ARM,
        {
            **OWN_ARM,
            "arm": "canary",
            "version": 4,
            "callers": 31,
            "auc": _interval(0.941, 0.93, 0.952),
        },
    ],
    "differences": [
        {
            "measure": "auc",
            "difference": 0.023,
            "low": 0.005,
            "high": 0.041,
            "verdict": "The canary orders better.",
        }
    ],
    "shadow": None,
}
WANTED_SHADOW = {"version": 4, "percent": 20, "reason": "First look at March's model."}

CANARY = [answered(CANARY_DOCUMENT)]
SET_CANARY = [
    sent("Start, or change", {**WANTED_SHADOW, "guard": GUARD}),
    sent("Another share", {"version": 4, "percent": 50}),
    answered(CANARY_DOCUMENT),
]
SHADOW = [answered(SHADOW_DOCUMENT)]
SET_SHADOW = [sent("Start, or change", WANTED_SHADOW), answered(SHADOW_DOCUMENT)]
COMPARISON = [answered(COMPARISON_DOCUMENT)]
