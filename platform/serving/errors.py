"""What can go wrong in the runtime, each with a stable code; the callers turn them into answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.ids import ServableId

MAX_INSTANCE_ERRORS = 20
"""Errors reported for one call; a caller repairs these first, and a huge bad body stays cheap."""


class ServingError(Exception):
    """Base of all errors of the runtime.

    Attributes:
        code: stable, snake_case; clients may rely on it.
        detail: a sentence for people.
    """

    code: ClassVar[str] = "serving_error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ServableNotFoundError(ServingError):
    """The manager was never asked to serve this version."""

    code = "model_not_found"

    def __init__(self, servable_id: ServableId) -> None:
        super().__init__(f"Servable {servable_id} is not known here.")
        self.servable_id = servable_id


class ServableNotReadyError(ServingError):
    """The version is known but takes no calls now: it loads, it failed or it goes."""

    code = "model_not_ready"

    def __init__(self, servable_id: ServableId, reason: str) -> None:
        super().__init__(f"Servable {servable_id} is not ready: {reason}.")
        self.servable_id = servable_id
        self.reason = reason


@dataclass(frozen=True, slots=True)
class InstanceError:
    """One thing wrong with the instances of a call.

    Attributes:
        row: index from 0, also of the only row; None when it is about all of them.
        feature: name; None when it is about the row.
        code: stable, snake_case.
        detail: a sentence; it never repeats more than the start of the value.
        pointer: RFC 6901, relative to what the caller sent; "" is the whole.
    """

    row: int | None
    feature: str | None
    code: str
    detail: str
    pointer: str = ""


class InvalidInstancesError(ServingError):
    """Rows that do not fit the signature; at most MAX_INSTANCE_ERRORS are told."""

    code = "invalid_instances"

    def __init__(self, errors: Sequence[InstanceError]) -> None:
        self.errors = tuple(errors[:MAX_INSTANCE_ERRORS])
        super().__init__(self.errors[0].detail if self.errors else "The instances are invalid.")


class TooManyInstancesError(ServingError):
    """More rows than one synchronous call may have."""

    code = "too_many_instances"

    def __init__(self, *, given: int, limit: int) -> None:
        super().__init__(f"{given} rows were sent and {limit} are allowed: use a batch prediction.")
        self.given = given
        self.limit = limit


class OverloadedError(ServingError):
    """As many calls are running as may run; try again soon."""

    code = "overloaded"


class ModelOutputInvalidError(ServingError):
    """The model answered with NaN, infinity or another shape than it declared."""

    code = "model_output_invalid"


class InvalidSignatureError(ServingError):
    """A signature document that cannot be used.

    Attributes:
        pointer: RFC 6901, into the document.
    """

    code = "invalid_signature"

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


class ArtefactError(ServingError):
    """A model file that is not accepted.

    Attributes:
        reason_code: stable, snake_case, e.g. class_not_allowed.
        pointer: RFC 6901 into config.json, the signature or the manifest; may be "".
    """

    code = "artefact_rejected"

    def __init__(self, reason_code: str, pointer: str = "", detail: str = "") -> None:
        super().__init__(detail or reason_code)
        self.reason_code = reason_code
        self.pointer = pointer


class SandboxUnavailableError(ServingError):
    """This machine cannot confine a validation as is required: its fault, not the model's.

    Attributes:
        missing: the layers that did not hold.
    """

    code = "sandbox_incomplete"

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(f"The sandbox lacks {', '.join(missing)}.")
        self.missing = missing


class ArtefactDigestMismatchError(ArtefactError):
    """The bytes are not those that were validated."""

    code = "artefact_digest_mismatch"

    def __init__(self, *, expected: str, actual: str) -> None:
        super().__init__(
            "digest_mismatch", "", f"The content has SHA-256 {actual[:12]}…, not {expected[:12]}…."
        )
        self.expected = expected
        self.actual = actual


class GoldenMismatchError(ArtefactError):
    """The loaded model does not answer its golden set as it did at validation."""

    code = "golden_mismatch"

    def __init__(self, detail: str) -> None:
        super().__init__("golden_mismatch", "", detail)


class LoadFailedError(ServingError):
    """A loader failed in a way that nobody foresaw; another try may succeed."""

    code = "load_failed"


class RuntimeUnavailableError(ServingError):
    """The model needs an engine that this process may not use."""

    code = "runtime_unavailable"


class OverBudgetError(ServingError):
    """The model does not fit into the memory set aside for models."""

    code = "over_budget"

    def __init__(self, *, needed: int, free: int, budget: int) -> None:
        super().__init__(f"{needed} bytes are needed; {free} of {budget} can be freed.")
        self.needed = needed
        self.free = free
        self.budget = budget
