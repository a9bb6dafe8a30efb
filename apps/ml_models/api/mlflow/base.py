"""Common to the facade's views: bodies as MLflow sends them, failures as its client reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import orjson
from django.http import HttpResponse

from apps.ml_models.errors import ModelNameTakenError
from apps.ml_models.errors.mlflow import NotSupportedError
from core.api.errors import problem_of
from core.api.problems import Problem, render_problem
from core.api.viewsets import ApiView
from core.errors import (
    ConflictError,
    DomainError,
    FieldError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    QuotaExceededError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from core.api.viewsets import ApiRequest

# What the client makes an exception of: code and status, as in mlflow/exceptions.py.
CODES: Final[tuple[tuple[type[DomainError], str, int], ...]] = (
    (NotSupportedError, "NOT_IMPLEMENTED", 501),
    (ModelNameTakenError, "RESOURCE_ALREADY_EXISTS", 400),
    (NotFoundError, "RESOURCE_DOES_NOT_EXIST", 404),
    (GoneError, "RESOURCE_DOES_NOT_EXIST", 404),
    (ConflictError, "RESOURCE_CONFLICT", 409),
    (PreconditionError, "RESOURCE_CONFLICT", 409),
    (TooLargeError, "INVALID_PARAMETER_VALUE", 400),
    (UnauthenticatedError, "UNAUTHENTICATED", 401),
    (ForbiddenError, "PERMISSION_DENIED", 403),
    (QuotaExceededError, "REQUEST_LIMIT_EXCEEDED", 429),
    (UnavailableError, "TEMPORARILY_UNAVAILABLE", 503),
    (InvalidError, "INVALID_PARAMETER_VALUE", 400),
)
OTHER: Final = ("BAD_REQUEST", "INTERNAL_ERROR")
SERVER_FAULT: Final = 500  # the least status of a failure that is ours
KEPT_HEADERS: Final = frozenset({"WWW-Authenticate", "Retry-After", "Allow"})


class MlflowView(ApiView):
    """A route of the facade. What is not known in a body or a query is ignored: clients differ."""

    schema = None  # it is not ours to describe

    idempotency: ClassVar = {"post": "ignored", "patch": "ignored"}

    def check_query(self, request: ApiRequest) -> None:
        """Other versions of the client send more."""

    def answer_failure(self, request: HttpRequest, error: Exception) -> HttpResponse:
        """`{"error_code", "message"}` with the client's own codes; counted as the problem it is."""
        problem = problem_of(error, token_sent="HTTP_AUTHORIZATION" in request.META)
        render_problem(request, problem)  # counts it and names it in the access line
        code, status = _code_of(error, problem)
        response = answer({"error_code": code, "message": _message_of(problem)}, status=status)
        for name in KEPT_HEADERS & problem.headers.keys():
            response.headers[name] = problem.headers[name]
        return response


def _code_of(error: Exception, problem: Problem) -> tuple[str, int]:
    for family, code, status in CODES:
        if isinstance(error, family):
            return code, status
    return OTHER[problem.status >= SERVER_FAULT], problem.status


def _message_of(problem: Problem) -> str:
    """The detail, and what each fault says of its own."""
    faults = [fault.detail for fault in problem.errors if fault.detail != problem.detail]
    return " ".join([problem.detail, *faults])


def answer(document: Mapping[str, object], *, status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(document), content_type="application/json", status=status)


class Sent:
    """The members of a body or a query, each taken by its type.

    Raises:
        InvalidError: naming the member, when it is missing or is not what it must be.
    """

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members

    @classmethod
    def of(cls, request: ApiRequest) -> Sent:
        """Of the body, or of the query where there is none."""
        if not request.body_length:
            return cls(request.query_params.dict())
        if not isinstance(request.data, dict):
            raise InvalidError("The body must be a JSON object.")
        return cls(request.data)

    def text(self, name: str, *, at_most: int = 500) -> str:
        """A text that must be there."""
        value = self.maybe(name, at_most=at_most)
        if not value:
            raise _fault(name, f"Missing value for required parameter '{name}'.")
        return value

    def maybe(self, name: str, *, at_most: int = 500) -> str:
        """A text; "" when it is not there."""
        value = self._members.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > at_most:
            raise _fault(name, f"'{name}' must be text of at most {at_most} characters.")
        return value

    def number(self, name: str = "version") -> int:
        """A version: MLflow writes it as text."""
        value = str(self._members.get(name, ""))
        if not (value.isascii() and value.isdecimal() and 0 < len(value) < 10):  # noqa: PLR2004 - digits of a number that can be
            raise _fault(name, f"'{name}' must be a version's number.")
        return int(value)

    def tags(self) -> dict[str, str]:
        """A list of {"key", "value"}."""
        value = self._members.get("tags") or []
        if not isinstance(value, list) or not all(isinstance(tag, dict) for tag in value):
            raise _fault("tags", "'tags' must be a list of objects with key and value.")
        return {Sent(tag).text("key"): Sent(tag).maybe("value", at_most=10_000) for tag in value}


def _fault(name: str, detail: str) -> InvalidError:
    return InvalidError(detail, errors=(FieldError("invalid", detail, pointer=f"#/{name}"),))
