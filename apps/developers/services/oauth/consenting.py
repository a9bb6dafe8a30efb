"""What a person decides: let an application act for them, refuse, take it back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from django.db import transaction
from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import FatalClientError, OAuth2Error
from oauthlib.oauth2.rfc6749 import errors

from apps.developers.errors import AuthorizationNotFoundError, BrokenAuthorizationError
from apps.developers.models import OAuthConsent
from apps.developers.selectors.oauth import consents_in_force
from apps.developers.services.oauth import ending, server
from apps.developers.services.oauth.validator import allowed_scopes
from core import audit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.base_user import AbstractBaseUser

    from apps.developers.models import Application, OAuthClient
    from core.audit import Actor

PATH: Final = "/oauth/authorize"
ONCE: Final = frozenset(server.AUTHORIZATION_PARAMETERS)


class SentBackError(Exception):
    """The request is not good, and its client is told by the redirect (RFC 6749 4.1.2.1).

    Attributes:
        uri: where to send the person, the error in its query.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(uri)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A client asks a person for something; checked.

    Attributes:
        client: who asks.
        scopes: what for, as asked; by name.
        redirect_uri: where the answer goes, one of the client's own.
        parameters: as they were sent, each once.
        issuer: who we are (RFC 9207), e.g. https://api.example.org.
    """

    client: OAuthClient
    scopes: tuple[str, ...]
    redirect_uri: str
    parameters: Mapping[str, str]
    issuer: str

    @property
    def application(self) -> Application:
        return self.client.belongs_to

    def scopes_for(self, *, is_staff: bool) -> tuple[str, ...]:
        """What this person can give of it: nobody hands on more than they may themselves."""
        return tuple(allowed_scopes(self.client, [*self.scopes], is_staff=is_staff))


def read_request(sent: Sequence[tuple[str, str]], *, issuer: str) -> AuthorizationRequest:
    """Check an authorisation request (RFC 6749 section 4.1.1, RFC 7636, RFC 9207).

    Raises:
        BrokenAuthorizationError: no such client, or not its redirect URI: nobody is sent anywhere.
        SentBackError: anything else that is wrong.
    """
    counted = Counter(name for name, _ in sent)
    twice = sorted(name for name in ONCE if counted[name] > 1)
    if twice:
        raise BrokenAuthorizationError(f"It says {twice[0]} more than once.")
    parameters = {name: value for name, value in sent if name in ONCE}
    try:
        scopes, known = server.authorization_endpoint().validate_authorization_request(
            _uri(parameters)
        )
    except FatalClientError as error:
        raise BrokenAuthorizationError(_in_words(error)) from error
    except OAuth2Error as error:
        _send_back(error, error.redirect_uri, parameters.get("state"), issuer)
    client = known["request"].client
    return AuthorizationRequest(
        client, tuple(sorted({*scopes})), known["redirect_uri"], parameters, issuer
    )


def _uri(parameters: Mapping[str, str]) -> str:
    return f"{PATH}?{server.encoded(parameters, server.AUTHORIZATION_PARAMETERS)}"


def _in_words(error: FatalClientError) -> str:
    kinds: tuple[tuple[type[FatalClientError], str], ...] = (
        (errors.MissingClientIdError, "It does not say which client it is."),
        (errors.InvalidClientIdError, "There is no such client, or it has been ended."),
        (errors.MissingRedirectURIError, "It does not say where to go back to."),
        (errors.InvalidRedirectURIError, "Where it wants to go back to is no address."),
        (
            errors.MismatchingRedirectURIError,
            "It wants to go back to an address that is not registered for it.",
        ),
    )
    return next((words for kind, words in kinds if isinstance(error, kind)), "It is malformed.")


def _send_back(error: OAuth2Error, uri: str, state: str | None, issuer: str) -> NoReturn:
    answer = [("error", error.error), ("error_description", error.description or "")]
    answer += [("state", state)] if state else []
    kept = [(name, value) for name, value in (*answer, ("iss", issuer)) if value]
    raise SentBackError(add_params_to_uri(uri, kept))


@transaction.atomic
def allow(
    *,
    request: AuthorizationRequest,
    user: AbstractBaseUser,
    is_staff: bool,
    actor: Actor,
    now: datetime,
) -> str:
    """Let the client act for a person; where to send them, with a code that lives a minute.

    Raises:
        SentBackError: the person can give nothing of what is asked.
        BrokenAuthorizationError: the client has been ended since the request was read.
    """
    scopes = request.scopes_for(is_staff=is_staff)
    if not scopes:
        refuse(request=request, error=errors.InvalidScopeError())
    _give_consent(request, user.pk, scopes, actor, now)
    try:
        headers, _, _ = server.authorization_endpoint().create_authorization_response(
            _uri(request.parameters),
            scopes=list(scopes),
            credentials={"user": user, "redirect_uri": request.redirect_uri},
        )
    except FatalClientError as error:  # which takes back the consent
        raise BrokenAuthorizationError(_in_words(error)) from error
    uri: str = add_params_to_uri(headers["Location"], [("iss", request.issuer)])
    return uri


def refuse(*, request: AuthorizationRequest, error: OAuth2Error | None = None) -> NoReturn:
    """Tell the client no. Raises SentBackError always; by default with access_denied."""
    reason = error or errors.AccessDeniedError()
    _send_back(reason, request.redirect_uri, request.parameters.get("state"), request.issuer)


def _give_consent(
    request: AuthorizationRequest,
    user_id: UUID,
    scopes: tuple[str, ...],
    actor: Actor,
    now: datetime,
) -> None:
    """One row for person and application: a fresh one, or more scopes for one that is in force."""
    application_id = request.application.pk
    # Waits for a withdrawal under way, and then makes a new row.
    consent, is_new = OAuthConsent.objects.select_for_update(no_key=True).get_or_create(
        user_id=user_id,
        application_id=application_id,
        defaults={"scopes": list(scopes), "given_at": now},
    )
    before: dict[str, object] | None = None
    if not is_new:
        if consents_in_force(user_id, now=now).filter(pk=consent.pk).exists():
            before = {"scopes": sorted(consent.scopes)}
            consent.scopes = sorted({*consent.scopes, *scopes})
        else:
            consent.scopes, consent.given_at, consent.last_used_at = list(scopes), now, None
        consent.save(update_fields=["scopes", "given_at", "last_used_at"])
    after = {"scopes": list(consent.scopes)}
    _record("given", consent, actor, before=before, after=after)


@transaction.atomic
def withdraw(
    *, user_id: UUID, application_id: UUID, actor: Actor, reason: str = "", now: datetime
) -> None:
    """Take back what a person gave an application: every token of both dies, codes too.

    Raises:
        AuthorizationNotFoundError: there is nothing to take back.
    """
    consent = ending.lock_consent(user_id, application_id)
    if consent is None:
        raise AuthorizationNotFoundError
    is_in_force = consents_in_force(user_id, now=now).filter(pk=consent.pk).exists()
    ending.end_authorization(user_id, application_id, now=now)
    if is_in_force:
        before = {"scopes": sorted(consent.scopes)}
        _record("withdrawn", consent, actor, before=before, after=None, reason=reason)
    consent.delete()


def _record(  # noqa: PLR0913 - the parts of an audit entry
    verb: str,
    consent: OAuthConsent,
    actor: Actor,
    *,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
    reason: str = "",
) -> None:
    which = {"application_id": str(consent.application_id)}
    audit.record(
        actor=actor,
        action=f"developers.authorization.{verb}",
        object_type="user",
        object_id=str(consent.user_id),
        before=None if before is None else {**which, **before},
        after=None if after is None else {**which, **after},
        reason=reason,
    )
