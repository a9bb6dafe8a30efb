"""What the schema shows of rollouts, and of aliases with theirs."""

from __future__ import annotations

from apps.ml_models.api.v1.examples import ALIAS_DOCUMENT, answered, listed, sent

ROLLOUT_DOCUMENT = {
    "id": "0198f2c6-0c4e-7b1d-9a77-5d3e2f1a0b9c",
    "model": "purchase-intent",
    "alias": "champion",
    "kind": "promotion",
    "version": 3,
    "previous": 2,
    "state": "live",
    "required": 2,
    "warm": 2,
    "failure": None,
    "reason": "Better calibrated than 2.",
    "moved_by": "0198f2c4-0a01-7c1d-8e2f-3a4b5c6d7e8f",
    "generation": 12,
    "live_generation": 13,
    "ended_at": "2026-03-01T12:00:00.120000Z",
    "warm_until": "2026-03-01T13:00:00.120000Z",
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00.120000Z",
}
BEGUN = {
    **ROLLOUT_DOCUMENT,
    "state": "loading",
    "warm": 0,
    "live_generation": None,
    "ended_at": None,
    "warm_until": None,
}
BACK = {
    **ROLLOUT_DOCUMENT,
    "kind": "rollback",
    "version": 2,
    "previous": 3,
    "reason": "More complaints.",
    "generation": 14,
    "live_generation": 14,
}

ALIAS = [answered({**ALIAS_DOCUMENT, "rollout": ROLLOUT_DOCUMENT})]
SET_ALIAS = [
    sent("Promote", {"version": 3, "reason": "Better calibrated than 2."}),
    answered({**ALIAS_DOCUMENT, "rollout": BEGUN}),
]
ROLLOUT = [answered(ROLLOUT_DOCUMENT)]
LIST_ROLLOUTS = listed(ROLLOUT_DOCUMENT)
ROLL_BACK = [
    sent("Roll back", {"reason": "More complaints."}),
    answered({**ALIAS_DOCUMENT, "version": 2, "generation": 14, "rollout": BACK}),
]
