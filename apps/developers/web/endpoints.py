"""POST /oauth/token, /oauth/revoke, /oauth/introspect: forms in, OAuth's own JSON out."""

from __future__ import annotations

import json
import logging
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from django.http import HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from oauthlib.oauth2.rfc6749 import errors

from apps.developers.services import oauth
from core.api.addresses import client_ip
from core.api.errors import problem_of
from core.api.refusals import too_many
from core.api.requests import UTF_8, media_type_of
from core.api.throttling import caller_of, limiter
from core.observability.headers import API_HEADERS, add_missing
from core.observability.request_id import current

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from apps.developers.services.oauth import Answer
    from core.api.throttling import Decision

BODY_MAX: Final = 16 * 1024  # bytes
FIELDS_MAX: Final = 50
FORM: Final = "application/x-www-form-urlencoded"
# What cannot be stored or compared; lone surrogates cannot come out of UTF-8.
FORBIDDEN: Final = re.compile("\x00")

# RFC 6749 has no word for these two; section 4.1.2.1's own are the nearest.
WORD_OF: Final = {429: "temporarily_unavailable", 503: "temporarily_unavailable"}

logger = logging.getLogger("agora.errors")


@method_decorator(csrf_exempt, name="dispatch")  # clients come with a secret and no cookie
class OAuthView(ABC, View):
    """Common to the three: limits, the form, the shape of answers (RFC 6749 section 5)."""

    http_method_names = ["post", "options"]
    limit_scope = "oauth"
    decision: Decision | None = None

    @abstractmethod
    def answer(self, request: HttpRequest, form: dict[str, str]) -> Answer:
        """The one call inward."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Charge, read, answer; whatever goes wrong keeps OAuth's shape."""
        try:
            self._spend(request)
            answer = self.answer(request, read_form(request))
            response = _rendered(answer.status, answer.document, answer.headers)
        except errors.OAuth2Error as error:
            response = _rendered(error.status_code, json.loads(error.json))
        except Exception as error:  # noqa: BLE001 - the boundary: no failure may become a page
            response = _failed(error)
        if self.decision is not None:
            add_missing(response, self.decision.headers)
        return response

    def _spend(self, request: HttpRequest) -> None:
        """Raises QuotaExceededError, LimitsUnavailableError."""
        self.decision = limiter.spend(caller_of(request, None), self.limit_scope)
        current().work, current().units = self.limit_scope, self.decision.weight
        if not self.decision.allowed:
            raise too_many(self.decision.retry_after, self.decision.violated)


class TokenView(OAuthView):
    """RFC 6749 section 3.2."""

    def answer(self, request: HttpRequest, form: dict[str, str]) -> Answer:
        return oauth.issue_tokens(form=form, **_caller(request))


class RevokeView(OAuthView):
    """RFC 7009."""

    def answer(self, request: HttpRequest, form: dict[str, str]) -> Answer:
        return oauth.revoke_token(form=form, **_caller(request))


class IntrospectView(OAuthView):
    """RFC 7662."""

    def answer(self, request: HttpRequest, form: dict[str, str]) -> Answer:
        return oauth.introspect_token(form=form, now=timezone.now(), **_caller(request))


def _caller(request: HttpRequest) -> dict[str, Any]:
    header = request.META.get("HTTP_AUTHORIZATION")
    return {"authorization": header, "address": client_ip(request)}


def read_form(request: HttpRequest) -> dict[str, str]:
    """The body, strictly: UTF-8, no parameter twice (RFC 6749 section 3.2), nothing in the URL.

    Raises:
        InvalidRequestError: with what is wrong.
    """
    if request.META.get("QUERY_STRING"):
        raise _refused("Parameters belong in the body.")
    media_type, charset = media_type_of(request.META.get("CONTENT_TYPE", ""))
    if media_type != FORM or charset not in UTF_8:
        raise _refused(f"The body must be {FORM} in UTF-8.")
    if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_MAX:
        raise _refused(f"The body may have {BODY_MAX} bytes.", 413)
    if request.body.count(b"&") >= FIELDS_MAX:
        raise _refused(f"The body may have {FIELDS_MAX} parameters.")
    try:
        pairs = parse_qsl(
            request.body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(request.body),
            errors="strict",
        )
    except ValueError as error:
        raise _refused("The body is no form in UTF-8.") from error
    form = dict(pairs)
    if len(form) < len(pairs):
        raise _refused("A parameter stands in the body twice.")
    if any(FORBIDDEN.search(text) for pair in pairs for text in pair):
        raise _refused("The body holds a NUL.")
    return form


def _refused(description: str, status: int = 400) -> errors.OAuth2Error:
    return errors.InvalidRequestError(description=description, status_code=status)


def _failed(error: Exception) -> HttpResponse:
    """A limit, a part that is away, or a bug: the status and headers of the API's own answer."""
    problem = problem_of(error)
    if problem.status == 500:  # noqa: PLR2004 - the one status that is always a bug
        logger.error("unhandled error", exc_info=error)
    word = WORD_OF.get(problem.status, "server_error")
    document = {"error": word, "error_description": problem.detail}
    return _rendered(problem.status, document, problem.headers)


def _rendered(
    status: int, document: dict[str, Any] | None, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    current().error_code = str((document or {}).get("error", ""))
    body = b"" if document is None else json.dumps(document).encode()
    response = HttpResponse(body, status=status, content_type="application/json", headers=headers)
    if document is None:
        del response.headers["Content-Type"]
    response.headers["Pragma"] = "no-cache"  # RFC 6749 section 5.1
    add_missing(response, API_HEADERS)
    return response
