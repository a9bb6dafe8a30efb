"""Everything that an operation may answer: refusals, 304, and the headers of each answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from core.api.filters import is_list
from core.api.permissions import PUBLIC
from core.api.schema import deprecated, problems
from core.api.schema.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    Document = dict[str, Any]


class Answers(Rules):
    """Completes the answers that a view names itself."""

    def _add_problems(self, operation: Document) -> None:
        answers: Document = operation["responses"]
        if self._has_304():
            answers["304"] = {"description": "The caller has this version already: no body."}
        for status, (code, description) in self._problems(operation).items():
            answers.setdefault(status, problems.shown(int(status), code, description))
        for status, answer in answers.items():
            problems.show_codes(int(status), answer)
            answer["description"] = answer["description"] or HTTPStatus(int(status)).phrase
        operation["responses"] = dict(sorted(answers.items()))

    def _problems(self, operation: Document) -> dict[str, tuple[str, str]]:
        found = dict(problems.ALWAYS)
        if self._scope is not PUBLIC:
            found |= problems.WITH_CREDENTIAL
        elif self.view.get_authenticators():
            found |= problems.WITHOUT_CREDENTIAL
        if "requestBody" in operation:
            found |= problems.WITH_BODY
        if "{" in self.path:
            found |= problems.WITH_PATH
        if self._idempotency() != "ignored":
            found |= problems.WITH_KEY
        if self._takes_if_match():
            found |= problems.WITH_CONDITION
        if self._requires_if_match():
            found |= problems.WITHOUT_CONDITION
        return found

    def _add_headers(self, operation: Document) -> None:
        for status, answer in operation["responses"].items():
            listed = {
                name: {"$ref": f"#/components/headers/{name}"} for name in self._headers_of(status)
            }
            answer["headers"] = {**listed, **answer.get("headers", {})}

    def _headers_of(self, status: str) -> Iterator[str]:
        yield from ("X-Request-Id", "RateLimit-Policy", "RateLimit")
        if self._deprecation is not None:
            yield from deprecated.HEADERS
        if status.startswith("2"):
            yield from self._headers_of_success(status)
        elif status in {"304", "412"}:
            yield "ETag"
        elif status == "401":
            yield "WWW-Authenticate"
        elif status == "416":
            yield "Content-Range"
        elif status in {"429", "503"} or (status == "409" and self._idempotency() != "ignored"):
            yield "Retry-After"

    def _headers_of_success(self, status: str) -> Iterator[str]:
        if self._has_304() or self._answers_the_object(status):
            yield "ETag"
        if self._is_download():
            yield from ("Accept-Ranges", "Content-Disposition")
        if status == "206":
            yield "Content-Range"
        if self._makes_an_object(status):
            yield "Location"
        if is_list(self.view):
            yield "Link"
        if self._idempotency() != "ignored":
            yield "Idempotency-Replayed"

    def _makes_an_object(self, status: str) -> bool:
        makes = status == "201" or (status == "202" and self.operation_name == "create")
        return makes and self._scope is not PUBLIC  # an account is read by its owner alone, as /me

    def _answers_the_object(self, status: str) -> bool:
        """Whether a write answers an object in its new version."""
        if isinstance(self.view.has_etag, frozenset) and self._has_etag():
            return True
        has_versions = self.view.has_etag is True or hasattr(self.view, "retrieve")
        makes = self.operation_name == "create" and status in {"201", "202"}
        changes = self.method in {"PATCH", "PUT"} and status in {"200", "201"}
        return has_versions and (makes or changes or self._answers_its_own_shape(status))

    def _answers_its_own_shape(self, status: str) -> bool:
        """Whether a POST such as `cancel` answers the view's own object, or more of the same."""
        shapes: object = self.get_response_serializers()
        shape = shapes.get(int(status)) if isinstance(shapes, dict) else None
        own = getattr(self.view, "serializer_class", None)
        if self.method != "POST" or not isinstance(shape, type) or not isinstance(own, type):
            return False
        return issubclass(shape, own)
