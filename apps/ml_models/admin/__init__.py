"""The operators' door: the registry, what processes serve, batch predictions."""

from __future__ import annotations

from apps.ml_models.admin import batches, registry, served

__all__ = ["batches", "registry", "served"]
