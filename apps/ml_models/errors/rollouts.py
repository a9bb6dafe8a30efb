"""What can go wrong when an alias moves in all processes together."""

from __future__ import annotations

from core.errors import ConflictError, NotFoundError


class RolloutNotFoundError(NotFoundError):
    """The model has no rollout of this id; `GET /models/{name}/rollouts` lists those it had."""

    code = "rollout_not_found"
    title = "The model has no such rollout."


class NoPreviousVersionError(ConflictError):
    """The alias has led to no other version that could still answer."""

    code = "no_previous_version"
    title = "There is no version to go back to."
    remedy = "Point the alias at the version you want: `PUT /models/{name}/aliases/{alias}`."


class VersionOverBudgetError(ConflictError):
    """A process that serves models has not the memory for this version beside the present one."""

    code = "over_budget"
    title = "The version does not fit into the memory for models."
    remedy = "Raise `SERVING_BUDGET_BYTES`, or upload a smaller model."
