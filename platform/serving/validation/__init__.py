"""From a stranger's upload to an artefact that may be served, by way of two confined processes.

pipeline is the parent's side: children starts and watches the two, handover reads what they
leave. child is where both begin; examining and rebuilding are what they do, with trial,
conversion and measuring as their tools.
"""

from __future__ import annotations

from serving.validation.pipeline import ValidationLimits, ValidationResult, validate_artefact

__all__ = ["ValidationLimits", "ValidationResult", "validate_artefact"]
