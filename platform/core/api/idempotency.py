"""The Idempotency-Key header: one effect and one answer for a call that is sent twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from django.http import HttpResponse, QueryDict

from core.api.errors import answer_error
from core.idempotency.fingerprint import fingerprint
from core.idempotency.finishing import closing_answer
from core.idempotency.keys import Scope, StoredAnswer, parse_key, run_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase

    from core.api.requests import ApiRequest
    from core.errors import ConflictError

REPLAYED: Final = "Idempotency-Replayed"
# Headers that belong to the answer; its request id and limits belong to one request alone.
KEPT_HEADERS: Final = ("Content-Type", "Location", "ETag", "Link", "Retry-After")


def answer_once(
    request: ApiRequest,
    call: Callable[[], HttpResponseBase],
    *,
    required: bool,
    is_unfinished: Callable[[], bool] = lambda: False,
    finish: Callable[[], HttpResponseBase | None] = lambda: None,
) -> HttpResponseBase:
    """Call the handler, or repeat what it answered to the same key.

    Args:
        request: parsed, and its caller known.
        call: the handler, giving a rendered answer.
        required: a call without the header is refused.
        is_unfinished: asked after `call`: there is work left for `finish`.
        finish: that work, done outside any transaction once the effect of `call` has been
            committed; its answer takes the place of the first one. None: there was none.

    Raises:
        MissingKeyError, InvalidKeyError: 400. ReusedKeyError: 422. InProgressError: 409.
    """
    header = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if header is None and not required:
        response = call()
        return finish() or response
    scope, key = _scope(request), parse_key(header)
    outcome = run_once(
        scope,
        key,
        _fingerprint(request),
        lambda: _stored(call(), is_unfinished=is_unfinished),
        refuse=lambda error: _refusal(request, error),
    )
    answer = outcome.answer
    if answer.is_unfinished and answer.is_success and not outcome.replayed:
        with closing_answer(scope, key) as replace:
            finished = finish()
            if finished is not None:
                answer = _stored(finished)
                replace(answer)
    response = HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))
    if outcome.replayed:
        response.headers[REPLAYED] = "true"
    return response


def _scope(request: ApiRequest) -> Scope:
    principal, match = request.auth, request.resolver_match
    return Scope(
        application_id=principal.application_id,
        user_id=principal.user_id,
        method=request.method or "",
        route="" if match is None else match.route,
    )


def _fingerprint(request: ApiRequest) -> bytes:
    data: Any = request.data
    is_form = isinstance(data, QueryDict)
    return fingerprint(
        method=request.method or "",
        path=request.path,
        query=request.query_params.dict().items(),
        document=None if is_form else data,
        fields=[(k, v) for k, v in data.items() if isinstance(v, str)] if is_form else (),
        files=request.FILES.items() if is_form else (),
    )


def _stored(
    response: HttpResponseBase, *, is_unfinished: Callable[[], bool] = lambda: False
) -> StoredAnswer:
    whole = cast("HttpResponse", response)  # a streamed answer cannot be kept, nor is it to a POST
    headers = {name: whole.headers[name] for name in KEPT_HEADERS if name in whole.headers}
    return StoredAnswer(
        status=whole.status_code,
        body=whole.content,
        headers=headers,
        is_unfinished=is_unfinished(),
    )


def _refusal(request: ApiRequest, error: ConflictError) -> StoredAnswer:
    return _stored(answer_error(request._request, error))  # noqa: SLF001 - DRF's name for Django's request
