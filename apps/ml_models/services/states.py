"""Whether a version may be used, in one place."""

from __future__ import annotations

from apps.ml_models.errors import ModelVersionNotReadyError, ModelVersionRetiredError
from apps.ml_models.models import ModelVersion


def check_ready(version: ModelVersion) -> None:
    """Raise unless the version can be promoted and predicted with.

    Raises:
        ModelVersionRetiredError: it has been retired.
        ModelVersionNotReadyError: it is uploaded, validating or rejected.
    """
    if version.state == ModelVersion.State.RETIRED:
        raise ModelVersionRetiredError(f"{version} has been retired.")
    if version.state != ModelVersion.State.READY:
        raise ModelVersionNotReadyError(f"{version} is {version.state}.", state=version.state)
