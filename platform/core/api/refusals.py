"""What the HTTP edge itself refuses, by name; each code has a page under /problems/."""

from __future__ import annotations

from core.errors import (
    DomainError,
    ForbiddenError,
    InvalidError,
    QuotaExceededError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)

# -- The envelope


class MethodNotAllowedError(DomainError):
    """The resource exists and does not take this method; the header Allow lists those it takes."""

    code = "method_not_allowed"
    title = "This method is not allowed here."


class NotAcceptableError(DomainError):
    """The header Accept rules out every form the answer comes in, usually application/json."""

    code = "not_acceptable"
    title = "The answer does not come in the form you accept."


class LengthRequiredError(DomainError):
    """A body must announce its size with Content-Length; chunked bodies are refused."""

    code = "length_required"
    title = "A body needs a Content-Length."


class BodyTooLargeError(TooLargeError):
    """The body is larger than this route takes; `maximum_bytes` says how much it does take."""

    code = "body_too_large"
    title = "The body is larger than allowed."


class UriTooLongError(DomainError):
    """The query string is longer than 4,096 characters."""

    code = "uri_too_long"
    title = "The URL is too long."


class UnsupportedMediaTypeError(DomainError):
    """The header Content-Type names a form or a charset that this route does not read."""

    code = "unsupported_media_type"
    title = "The body is not in a form that is read here."


class UnsupportedContentEncodingError(DomainError):
    """Compressed bodies are refused: a small one can unpack to a very large one."""

    code = "unsupported_content_encoding"
    title = "Compressed bodies are not accepted."


class PreconditionRequiredError(DomainError):
    """This write needs If-Match with the ETag of what you read, so that nobody's change is lost."""

    code = "precondition_required"
    title = "This request needs an If-Match header."


class BadHostError(InvalidError):
    """The header Host names a host that this platform does not serve."""

    code = "bad_host"
    title = "The Host header is not one of ours."


class MalformedPathError(InvalidError):
    """The path holds a NUL."""

    code = "malformed_path"
    title = "The path is malformed."


class MalformedHeaderError(InvalidError):
    """A header cannot be read as its specification says."""

    code = "malformed_header"
    title = "A header is malformed."


class BodyUnreadableError(InvalidError):
    """The connection ended before the announced body had arrived."""

    code = "body_unreadable"
    title = "The body did not arrive whole."


class CsrfError(ForbiddenError):
    """A page's form came without its CSRF token, or from another site. The API needs none."""

    code = "csrf_failed"
    title = "The form's CSRF token is missing or wrong."


# -- Query parameters


class MalformedQueryError(InvalidError):
    """The query string holds a NUL, bytes that are not UTF-8, or one parameter twice."""

    code = "malformed_query"
    title = "The query string is malformed."


class UnknownParameterError(InvalidError):
    """This route does not know the parameter. Ignoring it would return more than was meant."""

    code = "unknown_parameter"
    title = "A query parameter is unknown."
    remedy = "Leave it out, or correct its name; the schema lists those that there are."


class InvalidParameterError(InvalidError):
    """A known query parameter with a value that it cannot have."""

    code = "invalid_parameter"
    title = "A query parameter has an invalid value."


class InvalidCursorError(InvalidError):
    """Cursors come from `next` and `previous`, for the same list, filters, order and caller."""

    code = "invalid_cursor"
    title = "The cursor is not valid for this list."
    remedy = "Begin with the first page again."


class SecretInQueryError(InvalidError):
    """Credentials travel in headers: query strings end up in logs and browser histories."""

    code = "secret_in_query"
    title = "Credentials do not belong in the URL."


# -- Bodies


class MalformedBodyError(InvalidError):
    """The body does not follow the grammar of its content type."""

    code = "malformed_body"
    title = "The body cannot be read."


class MalformedJsonError(InvalidError):
    """Not JSON by RFC 8259 in UTF-8 without a byte order mark; NaN and Infinity are not JSON."""

    code = "malformed_json"
    title = "The body is not JSON."


class JsonTooDeepError(InvalidError):
    """Arrays and objects are nested more than 32 deep."""

    code = "json_too_deep"
    title = "The JSON is nested too deep."


class DuplicateKeyError(InvalidError):
    """An object names one key twice, so what was meant is unknown."""

    code = "duplicate_key"
    title = "The JSON names a key twice."
    remedy = "Send each key once."


class NumberOutOfRangeError(InvalidError):
    """A number with more than 400 digits, or one that no double can hold, such as 1e400."""

    code = "number_out_of_range"
    title = "A number in the JSON is too large."


class ForbiddenCharacterError(InvalidError):
    """Text must not hold NUL (U+0000) or half of a surrogate pair."""

    code = "forbidden_character"
    title = "A text in the JSON holds a character that cannot be stored."


class UnstorableValueError(InvalidError):
    """The database refused a value, for instance a number beyond its column's range."""

    code = "unstorable_value"
    title = "A value cannot be stored."


# -- Who is calling


class InvalidTokenError(UnauthenticatedError):
    """The bearer token is malformed, unknown, expired or revoked."""

    code = "invalid_token"
    title = "The access token is not valid."


class AddressNotAllowedError(ForbiddenError):
    """The credential is bound to networks, and the call comes from elsewhere."""

    code = "address_not_allowed"
    title = "This credential may not be used from here."


class ReadOnlyError(ForbiddenError):
    """The credential was made for reading: GET and HEAD alone, whatever its scopes."""

    code = "read_only_credential"
    title = "This credential may only read."


class InsufficientScopeError(ForbiddenError):
    """The credential is valid but does not carry the scope that this operation needs."""

    code = "insufficient_scope"
    title = "This credential lacks a scope."
    remedy = "Give the credential the scope in `required_scope`, or use one that has it."


class StaffOnlyError(ForbiddenError):
    """Only the platform's staff may do this."""

    code = "staff_only"
    title = "Only staff may do this."


# -- Parts that are away


class DatabaseUnavailableError(UnavailableError):
    """The database cannot be reached. Nothing was changed; try again."""

    code = "database_unavailable"
    title = "The database cannot be reached."


class StatementTimeoutError(UnavailableError):
    """A query took longer than a request may. Nothing was changed."""

    code = "statement_timeout"
    title = "The database took too long."


class LockTimeoutError(UnavailableError):
    """Others are changing the same rows. Nothing was changed; try again."""

    code = "lock_timeout"
    title = "The rows are busy."


class LimitsUnavailableError(UnavailableError):
    """Calls cannot be counted now, and this operation is not open without counting."""

    code = "limits_unavailable"
    title = "Calls cannot be counted now."


class QuotaExhaustedError(QuotaExceededError):
    """The day's quota of the plan is used up; it comes back at midnight UTC."""

    code = "quota_exhausted"
    title = "The day's quota is used up."
    remedy = "Wait until midnight UTC, or ask for another plan."


class TooManyAtOnceError(QuotaExceededError):
    """The plan allows so many calls at once; one more passes when one of them has ended."""

    code = "too_many_at_once"
    title = "Too many calls are running at once."
    remedy = "Let fewer calls run at a time."


def too_many(seconds: int, violated: tuple[str, ...] = ()) -> QuotaExceededError:
    """A limit's refusal; `seconds` until the same call would pass, and which policies refused."""
    kinds = {"daily": QuotaExhaustedError, "concurrent": TooManyAtOnceError}
    kind = next((kinds[name] for name in kinds if name in violated), QuotaExceededError)
    return kind(
        f"Try again in {seconds} seconds.", retry_after=seconds, violated_policies=list(violated)
    )
