"""What the schema shows of policies, the gate, promotions and replays."""

from __future__ import annotations

from apps.ml_models.api.v1.examples import answered, listed, sent

ALICE, BOB = "0198f2c4-0a01-7c1d-8e2f-3a4b5c6d7e8f", "0198f2c4-0a02-7c1d-8e2f-3a4b5c6d7e90"

POLICY_DOCUMENT = {
    "model": "purchase-intent",
    "four_eyes": True,
    "four_eyes_off_by": None,
    "gate_metric": "auc",
    "gate_lower_is_better": False,
    "gate_tolerance": 0.005,
    "gate_latency_us": 20000,
    "gate_max_flips": 0.02,
    "decision_threshold": 0.5,
    "score_output": "",
    "score_index": None,
    "log_share": 0.1,
    "log_days": 30,
    "updated_at": "2026-03-01T12:00:00Z",
}
GATE_DOCUMENT = {
    "alias": "champion",
    "passed": True,
    "against": 3,
    "checks": [
        {
            "code": "metric",
            "passed": True,
            "wanted": 0.922,
            "found": 0.931,
            "detail": "auc must be at least 0.922; the present version has 0.927.",
        }
    ],
}
PROMOTION_DOCUMENT = {
    "id": "0198f2c6-0c4e-7b1d-9a77-5d3e2f1a0b9c",
    "model": "purchase-intent",
    "alias": "champion",
    "version": 4,
    "state": "proposed",
    "gate": GATE_DOCUMENT,
    "four_eyes": True,
    "reason": "Trained on March.",
    "override_reason": "",
    "proposed_by": ALICE,
    "decided_by": None,
    "decision_reason": "",
    "decided_at": None,
    "rollout_id": None,
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
}
APPROVED = {
    **PROMOTION_DOCUMENT,
    "state": "approved",
    "decided_by": BOB,
    "decision_reason": "Looks right.",
    "decided_at": "2026-03-01T12:05:00Z",
    "rollout_id": "0198f2c6-1d5f-7c2e-8b88-6e4f3a2b1cad",
    "updated_at": "2026-03-01T12:05:00Z",
}
REJECTED = {**APPROVED, "state": "rejected", "decision_reason": "Too early.", "rollout_id": None}
WITHDRAWN = {
    **REJECTED,
    "state": "withdrawn",
    "decided_by": ALICE,
    "decision_reason": "A better one comes.",
}
QUEUED = {
    "id": "0198f2c7-2e60-7d3f-9c99-7f5a4b3c2dbe",
    "model": "purchase-intent",
    "version": 4,
    "against": 3,
    "state": "queued",
    "reason": None,
    "requested": 1000,
    "calls": 0,
    "rows": 0,
    "failed_rows": 0,
    "flips": 0,
    "changed": None,
    "mean_difference": None,
    "largest_difference": None,
    "created_by": ALICE,
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
    "finished_at": None,
}
SUMMARY = {
    **QUEUED,
    "state": "succeeded",
    "calls": 1000,
    "rows": 2000,
    "flips": 24,
    "changed": {"share": 0.012, "low": 0.00808, "high": 0.0178},
    "mean_difference": 0.011,
    "largest_difference": 0.31,
    "updated_at": "2026-03-01T12:00:02Z",
    "finished_at": "2026-03-01T12:00:02Z",
}
REPLAY_DOCUMENT = {
    **SUMMARY,
    "scoring": {"output": "", "index": None, "threshold": 0.5},
    "ended_by": "calls",
    "newest_at": "2026-03-01T11:59:58Z",
    "oldest_at": "2026-02-28T06:10:11Z",
    "skipped_rows": 0,
    "differences": {
        "p50": 0.006,
        "p90": 0.027,
        "p95": 0.041,
        "p99": 0.12,
        "edges": [0.0, 0.155, 0.31],
        "counts": [1989, 11],
    },
    "decisions": [
        {"baseline": 0, "candidate": 0, "rows": 1700},
        {"baseline": 1, "candidate": 1, "rows": 276},
        {"baseline": 0, "candidate": 1, "rows": 24},
    ],
    "failures": [],
    "microseconds_per_row": {"baseline": 1.9, "candidate": 2.1},
    "most_different": [
        {
            "prediction_id": "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47",
            "row": 0,
            "difference": 0.31,
            "baseline": {"score": 0.41, "decision": 0},
            "candidate": {"score": 0.72, "decision": 1},
            "features": {"PageValues": 21.5, "Weekend": False},
        }
    ],
}

POLICY = [answered(POLICY_DOCUMENT)]
CHANGE_POLICY = [
    sent("Ask for more", {"gate_metric": "auc", "gate_tolerance": 0.005, "reason": "As agreed."}),
    answered(POLICY_DOCUMENT),
]
GATE = [answered(GATE_DOCUMENT)]
LIST_PROMOTIONS = listed(PROMOTION_DOCUMENT)
PROMOTION = [answered(PROMOTION_DOCUMENT)]
PROPOSE = [
    sent("Propose", {"version": 4, "reason": "Trained on March."}),
    answered(PROMOTION_DOCUMENT, "201"),
]
APPROVE = [sent("Approve", {"reason": "Looks right."}), answered(APPROVED)]
REJECT = [sent("Reject", {"reason": "Too early."}), answered(REJECTED)]
WITHDRAW = [sent("Withdraw", {"reason": "A better one comes."}), answered(WITHDRAWN)]
LIST_REPLAYS = listed(SUMMARY)
REPLAY = [answered(REPLAY_DOCUMENT)]
START_REPLAY = [
    sent("Against the champion", {"version": 4, "calls": 1000}),
    answered(QUEUED, "202"),
]
