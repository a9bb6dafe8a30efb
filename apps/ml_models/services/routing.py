"""The one number that every change of routing moves; processes themselves move it as well."""

from __future__ import annotations

from apps.ml_models.runtime.generation import move_generation as move_generation  # noqa: PLC0414
