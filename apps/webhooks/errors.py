"""What can go wrong with endpoints and their deliveries, by name."""

from __future__ import annotations

from core.errors import ConflictError, InvalidError, NotFoundError

# -- Endpoints


class EndpointNotFoundError(NotFoundError):
    """None of that id, or it is deleted, or somebody else's: nobody learns which.

    An application sees its own endpoints alone, and nobody those of an application that is closed.
    """

    code = "webhook_endpoint_not_found"
    title = "There is no such webhook endpoint."


class InvalidEndpointError(InvalidError):
    """An event type that there is not, or no application named; `errors` says which and where."""


class TooManyEndpointsError(ConflictError):
    """Delete one that is not needed any more."""

    code = "too_many_webhook_endpoints"
    title = "The application has as many webhook endpoints as there may be."


class EndpointDisabledError(ConflictError):
    """Nothing is sent to an endpoint that is switched off; switch it on first.

    PATCH it with `{"enabled": true}`.
    """

    code = "webhook_endpoint_disabled"
    title = "The webhook endpoint is switched off."


class EndpointHeldError(ConflictError):
    """Staff have switched the endpoint off, and only they can switch it on again; ask them why."""

    code = "webhook_endpoint_held"
    title = "Staff have switched this webhook endpoint off."


class EndpointStateError(ConflictError):
    """Only an enabled endpoint can be disabled, only a disabled one enabled."""

    code = "webhook_endpoint_state"
    title = "The webhook endpoint is not in a state that allows this."


class RotationRunningError(ConflictError):
    """The secret from before the last rotation still signs, and a receiver may have only that one.

    Another rotation would end it at once, and the receiver would refuse whatever comes.
    """

    code = "secret_rotation_running"
    title = "The last rotation of the secret is not over."
    remedy = (
        "Wait until `rotation_ends_at`. If the new secret is lost or in wrong hands, send"
        ' `{"expire_previous_now": true}`: the secret of that answer alone signs from then on.'
    )


# -- Deliveries


class DeliveryNotFoundError(NotFoundError):
    """None of that id at this endpoint, or its time in the log is over."""

    code = "webhook_delivery_not_found"
    title = "The webhook endpoint has no such delivery."


class TooManyTestsError(ConflictError):
    """Wait until those that were asked for have arrived or failed; then ask for another."""

    code = "too_many_test_events"
    title = "As many test events wait for this webhook endpoint as may."


class RangeTooLargeError(ConflictError):
    """Ask for a shorter time, or for fewer event types; nothing has been sent again."""

    code = "too_many_deliveries"
    title = "More deliveries lie in this time than may be sent again at once."


# -- The log of events


class EventNotFoundError(NotFoundError):
    """None of that id, or its time in the log is over, or it is somebody else's."""

    code = "event_not_found"
    title = "There is no such event."
