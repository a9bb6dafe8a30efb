"""What can go wrong on the way to a promotion: the gate, the second person, replays."""

from __future__ import annotations

from core.errors import ConflictError, InvalidError, NotFoundError


class PromotionRefusedError(ConflictError):
    """The gate compared the version with the present one, and it did not pass.

    `errors` names each check that failed.
    """

    code = "promotion_refused"
    title = "The version did not pass the gate of this alias."
    remedy = (
        "Read `GET /models/{name}/versions/{number}/gate`. Whoever knows better sends an "
        "`override_reason`, which is kept with the promotion."
    )


class ApprovalRequiredError(ConflictError):
    """The model's policy asks for a second person, so nobody moves this alias alone."""

    code = "approval_required"
    title = "A second person has to approve this promotion."
    remedy = "Propose it with `POST /models/{name}/promotions`; another person approves it."


class SelfApprovalError(ConflictError):
    """Whoever proposed a promotion does not decide on it, nor does an application of theirs."""

    code = "self_approval"
    title = "Somebody else than the proposer has to decide on a promotion."
    remedy = "Ask somebody else of the staff, or withdraw the proposal."


class PromotionNotFoundError(NotFoundError):
    """The model has no promotion of this id."""

    code = "promotion_not_found"
    title = "The model has no such promotion."


class PromotionDecidedError(ConflictError):
    """It has been approved, rejected or withdrawn already; a decision stands."""

    code = "promotion_decided"
    title = "This promotion has been decided on already."


class PromotionOpenError(ConflictError):
    """An alias has one open proposal at a time."""

    code = "promotion_open"
    title = "Another promotion of this alias waits for a decision."
    remedy = (
        "Decide on the open one first; `GET /models/{name}/promotions?state=proposed` finds it."
    )


class AliasNotGatedError(InvalidError):
    """Only gated aliases are moved by proposals; any other is moved as it is."""

    code = "alias_not_gated"
    title = "This alias has no gate, so no promotion is needed to move it."
    remedy = "Move it with `PUT /models/{name}/aliases/{alias}`."


class ReplayNotFoundError(NotFoundError):
    """The model has no replay of this id."""

    code = "replay_not_found"
    title = "The model has no such replay."


class NothingToReplayError(ConflictError):
    """The prediction log holds no answered call of this model whose features are still there."""

    code = "nothing_to_replay"
    title = "No logged call of this model can be replayed."
    remedy = "Raise `log_share` in the model's policy, and wait for calls."
