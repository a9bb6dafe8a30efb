"""What can go wrong when an alias's traffic is split."""

from __future__ import annotations

from core.errors import ConflictError, NotFoundError


class TrafficSplitNotFoundError(NotFoundError):
    """The alias has no canary, or no shadow, that is as the call needs it."""

    code = "split_not_found"
    title = "The alias has no such split of its traffic."


class SameVersionError(ConflictError):
    """A canary or shadow is compared with the alias's own version, so it is another one."""

    code = "same_version"
    title = "The alias points at this version already."


class SignatureDiffersError(ConflictError):
    """The candidate would refuse rows that the alias's version takes, or answer in another shape.

    A canary answers the same callers, who know nothing of it: each row that they may send must be
    taken, and the answer must have the same outputs. The same goes for another default model.
    """

    code = "signature_differs"
    title = "The version does not take and answer the same as the alias's own."
    remedy = "Have those who call change first: give the version an alias of its own."


class AliasMovingError(ConflictError):
    """The alias's new version is still being loaded: which one a candidate stands beside is open.

    It takes a second or two.
    """

    code = "alias_moving"
    title = "The alias is just being moved."
    remedy = "Read `GET /models/{name}/rollouts`, and try again when none is `loading`."
