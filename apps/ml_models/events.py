"""Events this app publishes: their names, and the payloads they carry (schema version 1)."""

from __future__ import annotations

ALIAS_MOVED = "model.alias_moved"
"""{"model", "alias", "version": n | null, "previous_version": n | null, "generation"}"""

DEFAULT_MOVED = "model.default_moved"
"""{"model", "previous_model": name | null, "generation"}"""

VERSION_READY = "model_version.ready"
VERSION_REJECTED = "model_version.rejected"
VERSION_RETIRED = "model_version.retired"
"""{"model", "version", "state", "reason_code"}"""

BATCH_QUEUED = "batch_prediction.queued"
BATCH_RUNNING = "batch_prediction.running"
BATCH_SUCCEEDED = "batch_prediction.succeeded"
BATCH_PARTIALLY_SUCCEEDED = "batch_prediction.partially_succeeded"
BATCH_FAILED = "batch_prediction.failed"
BATCH_CANCELLED = "batch_prediction.cancelled"
BATCH_EXPIRED = "batch_prediction.expired"
"""{"model", "version", "status", "counts": {"total", "succeeded", "failed"}}"""
