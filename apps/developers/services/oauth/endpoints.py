"""What clients ask for without a person: tokens, the end of a token, news of a token."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from oauthlib.common import Request
from oauthlib.oauth2 import OAuth2Error
from oauthlib.oauth2.rfc6749 import errors

from apps.developers.selectors import oauth as selectors
from apps.developers.services.oauth import server
from apps.developers.services.oauth.authenticating import guarded, read_client

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

INVALID_CLIENT: Final = "invalid_client"
CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="agora", charset="UTF-8"'}  # RFC 6749 5.2


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in OAuth's own shape.

    Attributes:
        status: of HTTP.
        document: the JSON body; None: there is none.
        headers: beside those that every answer of these endpoints has.
    """

    status: int
    document: dict[str, Any] | None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def error(self) -> str:
        """RFC 6749's word for what went wrong; empty when nothing did."""
        return str((self.document or {}).get("error", ""))


def refusal(error: OAuth2Error) -> Answer:
    """RFC 6749 section 5.2."""
    return _answer(error.json, error.status_code)


def issue_tokens(*, form: Mapping[str, str], authorization: str | None, address: str) -> Answer:
    """POST /oauth/token: a code, a refresh token or a client's own credentials for an access token.

    Args:
        form: the body.
        authorization: the header, when there is one.
        address: where the call comes from, for counting failures.

    Raises:
        QuotaExceededError: this client from this address, or the address, was wrong too often.
        AttemptsUnknownError: failures cannot be counted.
    """
    return _serve(form, authorization, address, _exchange)


def revoke_token(*, form: Mapping[str, str], authorization: str | None, address: str) -> Answer:
    """POST /oauth/revoke (RFC 7009). A token that is nothing to the client answers 200 as well.

    Raises what issue_tokens raises.
    """
    return _serve(form, authorization, address, _revoke)


def introspect_token(
    *, form: Mapping[str, str], authorization: str | None, address: str, now: datetime
) -> Answer:
    """POST /oauth/introspect (RFC 7662), for confidential clients of the token's application.

    Raises what issue_tokens raises.
    """
    return _serve(
        form, authorization, address, lambda credentials, sent: _introspect(credentials, sent, now)
    )


def _serve(
    form: Mapping[str, str],
    authorization: str | None,
    address: str,
    act: Any,  # noqa: ANN401 - (credentials, form) -> Answer
) -> Answer:
    try:
        credentials = read_client(form, authorization)
        with guarded(credentials["client_id"], address) as attempt:
            try:
                answer: Answer = act(credentials, form)
            except OAuth2Error as error:
                answer = refusal(error)
            attempt.has_failed = answer.error == INVALID_CLIENT
            attempt.has_succeeded = not answer.error
    except OAuth2Error as error:
        return refusal(error)
    return answer


@transaction.atomic
def _exchange(credentials: Mapping[str, str], form: Mapping[str, str]) -> Answer:
    """What is refused may have had to end tokens, so only a surprise rolls back."""
    if not form.get("grant_type"):
        raise errors.InvalidRequestError(description="Missing grant_type parameter.")
    if form["grant_type"] not in server.GRANT_TYPES:
        raise errors.UnsupportedGrantTypeError
    known = (*server.TOKEN_PARAMETERS, *credentials)
    body = server.encoded({**form, **credentials}, known)
    _, document, status = server.token_endpoint().create_token_response(
        "/oauth/token", "POST", body
    )
    return _answer(document, status)


@transaction.atomic
def _revoke(credentials: Mapping[str, str], form: Mapping[str, str]) -> Answer:
    known = (*server.REVOCATION_PARAMETERS, *credentials)
    body = server.encoded({**form, **credentials}, known)
    _, document, status = server.revocation_endpoint().create_revocation_response(
        "/oauth/revoke", "POST", body
    )
    return _answer(document, status)


def _introspect(credentials: Mapping[str, str], form: Mapping[str, str], now: datetime) -> Answer:
    request = Request("/oauth/introspect", "POST", server.encoded(credentials, (*credentials,)))
    if not server.validator().authenticate_client(request):
        raise errors.InvalidClientError
    if not form.get("token"):
        raise errors.InvalidRequestError(description="Missing token parameter.")
    application_id = request.client.belongs_to_id
    return Answer(200, selectors.introspect(form["token"], application_id, now=now))


def _answer(document: str | None, status: int) -> Answer:
    body = json.loads(document) if document else None
    if body is None or body.get("error") != INVALID_CLIENT:
        return Answer(status, body)
    words = {"error": INVALID_CLIENT, "error_description": "The client could not be authenticated."}
    return Answer(401, words, dict(CHALLENGE))
