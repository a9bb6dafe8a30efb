"""What the schema shows of what versions know of themselves."""

from __future__ import annotations

from apps.ml_models.api.v1.examples import (
    MODEL_DOCUMENT,
    ROW,
    SERVING,
    SIGNATURE,
    SUMMARY,
    answered,
    listed,
    sent,
)

FILES = [
    {"role": "golden", "sha256": SUMMARY["upload_digest"], "bytes": 3620},
    {"role": "keras", "sha256": SUMMARY["artefact_digest"], "bytes": 30321},
    {"role": "litert", "sha256": SUMMARY["upload_digest"], "bytes": 14182},
]
VERSION_DOCUMENT = {
    **SUMMARY,
    "signature": SIGNATURE,
    "serving": SERVING,
    "example": {"features": [{"PageValues": 1.0, "Weekend": False}]},
    "description": "Retrained on the sessions of February.",
    "model_card": "# Purchase intent\n\n## Intended use\n\nWhom to show an offer.\n",
    "tags": {"team": "shop"},
    "training": {"seed": 7, "rows": 12330, "epochs": 20},
    "training_data_digest": SUMMARY["upload_digest"],
    "run_id": "2026-03-01T11-40",
    "source": "nightly training",
    "parent": {"model": "purchase-intent", "version": 2},
    "children": 0,
    "frameworks": {
        "trained_with": {"keras": "3.15.1", "tensorflow": "2.21.0"},
        "validated_with": {"keras": "3.15.1", "tensorflow": "2.21.0"},
    },
    "engines": [
        {
            "engine": "litert",
            "runs": True,
            "reason": "",
            "latency_us": {"1": 9.1, "8": 21.4, "32": 61.0, "128": 214.0},
            "memory_bytes": {"1": 40960, "128": 311296},
            "loaded_bytes": 482304,
            "largest_difference": 1.2e-07,
        }
    ],
    "sandbox": ["landlock", "no_new_privs", "rlimits", "seccomp"],
    "files": FILES,
    "golden_rows": 32,
}
VERSION = [answered(VERSION_DOCUMENT)]
MODEL = [answered({**MODEL_DOCUMENT, "tags": {"team": "shop"}, "champion": VERSION_DOCUMENT})]
CHANGE_MODEL = [
    sent("Words and tags", {"description": "Who buys today.", "tags": {"team": "shop"}}),
    *MODEL,
]
CHANGE_VERSION = [
    sent("A card", {"model_card": "# Purchase intent\n\nFor offers.\n", "tags": {"team": "shop"}}),
    *VERSION,
]
RETIRE = [
    sent("For good", {"reason": "Superseded by 3."}),
    answered(
        {
            **VERSION_DOCUMENT,
            "version": 2,
            "state": "retired",
            "aliases": [],
            "serving": [],
            "retired_at": "2026-03-02T09:00:00Z",
        }
    ),
]
GOLDEN = [
    answered(
        {
            "model": "purchase-intent",
            "version": 3,
            "artefact_digest": SUMMARY["artefact_digest"],
            "rows": 32,
            "shown": 1,
            "tolerance": {"relative": 1e-4, "absolute": 1e-5},
            "instances": [ROW],
            "inputs": None,
            "outputs": {"purchase_probability": [[0.6180339]]},
        }
    )
]
TRANSITIONS = listed(
    {
        "id": "0198f2c6-0a1b-7c2d-8e3f-405162738495",
        "from_state": "validating",
        "to_state": "ready",
        "at": "2026-03-01T11:58:09Z",
        "actor_id": None,
        "application_id": None,
        "reason": "",
        "reason_code": "",
        "sha256": SUMMARY["artefact_digest"],
        "request_id": "0198f2c5-ffff-7c2d-8e3f-405162738495",
    }
)
