"""What can go wrong with accounts, logins and tokens, by name."""

from __future__ import annotations

from core.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    QuotaExceededError,
    UnauthenticatedError,
)


class InvalidAccountError(InvalidError):
    """One or more fields of an account cannot be as sent; `errors` says which and why."""


class UsernameTakenError(InvalidError):
    """Somebody has this username, in whatever mixture of capitals."""

    code = "taken"
    title = "This username is taken."
    remedy = "Choose another username."


class InvalidConfirmationError(InvalidError):
    """Forged, expired, or made for an address that has changed since."""

    code = "invalid_confirmation"
    title = "This confirmation does not hold, or no longer."
    remedy = "Ask for another mail with `POST /me/email`, and use the text of the newest one."


class InvalidResetError(InvalidError):
    """Forged, older than an hour, used, or made before the account changed."""

    code = "invalid_password_reset"
    title = "This password reset does not hold, or no longer."
    remedy = "Ask for another mail with `POST /password-resets`; its text works once, for an hour."


class InvalidCredentialsError(UnauthenticatedError):
    """The same words whether the user is unknown, inactive or the password wrong."""

    code = "invalid_credentials"
    title = "These credentials are not right."
    remedy = "Check both; an e-mail address works once it is confirmed."


class WrongPasswordError(InvalidError):
    """Somebody who is logged in gave a wrong current password."""

    code = "wrong_password"
    title = "The current password is not right."


class TooManyFailuresError(QuotaExceededError):
    """So many logins for this name, or from this address, have failed that none is tried now."""

    code = "too_many_failures"
    title = "Too many failed attempts; even the right password is refused for a while."


class TooManyAttemptsError(QuotaExceededError):
    """What may be done a few times an hour was done so often from one address, or for one."""

    code = "too_many_attempts"
    title = "This was tried too often; wait a while."


class InvalidTokenError(UnauthenticatedError):
    """Not a token of ours, or not of this kind, or of a login that has ended."""

    code = "invalid_token"
    title = "The token is not valid."


class ExpiredTokenError(InvalidTokenError):
    """The token was good and has reached its end; access tokens live 15 minutes."""

    code = "token_expired"
    title = "The token has expired."
    remedy = "Exchange the refresh token for the next pair with `POST /token/refresh`."


class ReusedTokenError(InvalidTokenError):
    """A refresh token came a second time: somebody else may have it, so its login has ended."""

    code = "token_reused"
    title = "This refresh token was used before; its login has been ended."
    remedy = "Log in again; let one part of your program refresh, and the others wait for it."


class UserNotFoundError(NotFoundError):
    """None of that id, or the account is not active."""

    code = "user_not_found"
    title = "There is no such user."


class LoginNotFoundError(NotFoundError):
    """None of that id, or it has ended."""

    code = "login_not_found"
    title = "There is no such login."


class LastSuperuserError(ConflictError):
    """Somebody must remain who can let others into the admin."""

    code = "last_superuser"
    title = "The last active superuser must stay one."
