"""What can go wrong with applications, their credentials and plans, by name."""

from __future__ import annotations

from core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)

# -- Applications


class ApplicationNotFoundError(NotFoundError):
    """None of that id, or it is closed, or somebody else's: nobody learns which."""

    code = "application_not_found"
    title = "There is no such application."


class ApplicationNameTakenError(ConflictError):
    """People are asked for consent by an application's name, so an owner has each name once."""

    code = "application_name_taken"
    title = "You have an open application of this name."


class TooManyApplicationsError(ConflictError):
    """Close one that is not needed any more."""

    code = "too_many_applications"
    title = "You have as many open applications as there may be."


class ApplicationSuspendedError(ForbiddenError):
    """Staff have suspended the application: none of its credentials works, and it gets no new ones.

    Its owner still sees it, and may ask staff why.
    """

    code = "application_suspended"
    title = "This application is suspended; its owner should ask the platform's staff."
    remedy = "Ask the people who run the platform."


class ApplicationStateError(ConflictError):
    """Only an active application can be suspended, only a suspended one resumed."""

    code = "application_state"
    title = "The application is not in a state that allows this."


# -- API keys


class KeyNotFoundError(NotFoundError):
    """None of that id in this application, or the application is closed or somebody else's."""

    code = "api_key_not_found"
    title = "The application has no such key."


class InvalidKeyRulesError(InvalidError):
    """A scope that cannot be given away, or a time that cannot be an end; `errors` says which."""


class TooManyKeysError(ConflictError):
    """Revoke one that is not needed any more."""

    code = "too_many_api_keys"
    title = "The application has as many live keys as there may be."


class KeyNotLiveError(ConflictError):
    """A key that was revoked or has run out stays as it is."""

    code = "api_key_not_live"
    title = "The key has been revoked or has run out."
    remedy = "Make another key."


class KeyRotatedError(ConflictError):
    """It has a successor, which may be rotated in turn; its own end is fixed."""

    code = "api_key_rotated"
    title = "The key has been rotated already."
    remedy = "Rotate its successor, which `replaced_by_id` names."


# -- Plans


class PlanNotFoundError(NotFoundError):
    """No plan has this name."""

    code = "plan_not_found"
    title = "There is no such plan."


class PlanInUseError(ConflictError):
    """Give those who have it another one first."""

    code = "plan_in_use"
    title = "The plan is in use."


class DefaultPlanError(ConflictError):
    """Make another plan the default first."""

    code = "plan_is_default"
    title = "The default plan must stay."


# -- OAuth 2.0


class OAuthClientNotFoundError(NotFoundError):
    """None of that id in this application, or it has ended."""

    code = "oauth_client_not_found"
    title = "The application has no such OAuth client."


class InvalidOAuthClientError(InvalidError):
    """A redirect URI, scope or kind of client that cannot be; `errors` says which and why."""


class TooManyOAuthClientsError(ConflictError):
    """End one that is not needed any more."""

    code = "too_many_oauth_clients"
    title = "The application has as many OAuth clients as there may be."


class NoSecretError(ConflictError):
    """Whoever has a public client's program could read a secret in it, so it has none."""

    code = "oauth_client_is_public"
    title = "A public client has no secret."


class AuthorizationNotFoundError(NotFoundError):
    """You have not let this application act for you, or have taken it back."""

    code = "authorization_not_found"
    title = "You have not authorised this application."


class BrokenAuthorizationError(InvalidError):
    """An application sent somebody here in a way that cannot be trusted; nobody is sent back."""

    code = "broken_authorization_request"
    title = "The application's request cannot be trusted."


# -- Request log and usage


class RequestNotFoundError(NotFoundError):
    """Somebody else's, too old, or so new that it is not written yet (two seconds)."""

    code = "request_not_found"
    title = "There is no such call in your log."
    remedy = "Wait two seconds, and check the id; the log reaches back 30 days."


class UsageNotYoursError(ForbiddenError):
    """A person has lent this token; the sums are about everybody who uses the application."""

    code = "usage_not_yours"
    title = "The application's usage is its owner's to see."


class UsageTooFineError(InvalidError):
    """Ask for fewer days, or group by less."""

    code = "usage_too_fine"
    title = "The answer would have too many rows."
