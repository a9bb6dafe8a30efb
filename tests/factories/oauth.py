"""OAuth clients for tests, and a person's and a program's way to a token."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from django.test import Client
from django.utils import timezone

from apps.developers.models import Application
from apps.developers.services import oauth
from core.ids import uuid7
from core.security.principal import Principal
from core.security.scopes import scopes_of_login

CALLBACK = "https://assistant.example.org/callback"
SCOPES = ["models:read", "predictions:create"]
VERIFIER = "correct-horse-battery-staple-correct-horse-battery"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
ISSUER = "http://127.0.0.1:8000"
STATE = "st4te"


def principal_of(user):
    """Somebody's own login."""
    now = timezone.now()
    return Principal(
        user_id=user.pk,
        username=user.username,
        application_id=None,
        scopes=scopes_of_login(is_staff=user.is_staff),
        plan="default",
        is_staff=user.is_staff,
        credential="jwt",
        credential_id=str(uuid7()),
        family_id=uuid7(),
        issued_at=now,
        expires_at=now + timedelta(minutes=15),
    )


def make_application(owner, name="Shop assistant", **fields):
    return Application.objects.create(owner=owner, name=name, **fields)


def make_client(application, **changes):
    """A client with its secret, made as the API makes it; a web shop's unless told otherwise."""
    values = {
        "name": "web shop",
        "grant": "authorization_code",
        "client_type": "confidential",
        "redirect_uris": [CALLBACK],
        "scopes": SCOPES,
        **changes,
    }
    owner = principal_of(application.owner)
    return oauth.create_client(application_id=application.pk, **values, actor=owner)


def make_public_client(application, **changes):
    return make_client(application, client_type="public", name="phone", **changes)


def make_service(application, **changes):
    return make_client(
        application, grant="client_credentials", redirect_uris=[], name="importer", **changes
    )


def request_of(made, **changes):
    """Parameters of an authorisation request; one set to None is left out."""
    values = {
        "response_type": "code",
        "client_id": made.client.client_id,
        "redirect_uri": CALLBACK,
        "scope": " ".join(SCOPES),
        "state": STATE,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def url_of(made, **changes):
    return f"/oauth/authorize?{urlencode(request_of(made, **changes))}"


def browser_of(user, **options):
    """A browser in which somebody is logged in."""
    browser = Client(**options)
    if user is not None:
        browser.force_login(user)
    return browser


def decide(user, made, decision="allow", **changes):
    """Click on the consent page; the answer, a redirect."""
    form = {"decision": decision, "person": str(user.pk)}
    return browser_of(user).post(url_of(made, **changes), form)


def query_of(response):
    """The parameters that a redirect hands to the client."""
    assert response.status_code == 303, response.content
    query = parse_qs(urlsplit(response["Location"]).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in query.values())
    return {name: values[0] for name, values in query.items()}


def code_of(user, made, **changes):
    return query_of(decide(user, made, **changes))["code"]


def basic(made, secret=None):
    """The header of a client that shows its secret (RFC 6749 section 2.3.1)."""
    text = f"{quote(made.client.client_id, safe='')}:{quote(secret or made.secret, safe='')}"
    return "Basic " + base64.b64encode(text.encode()).decode()


def post(path, form, authorization=None, **extra):
    """A form to one of the endpoints; `form` may be text that is none."""
    body = form if isinstance(form, str) else urlencode(form)
    headers = {} if authorization is None else {"HTTP_AUTHORIZATION": authorization}
    return Client(raise_request_exception=False).post(
        path, body, content_type="application/x-www-form-urlencoded", **headers, **extra
    )


def as_client(made):
    """How a client says who it is: the form of a public one, the header of another."""
    if made.secret:
        return {}, basic(made)
    return {"client_id": made.client.client_id}, None


def exchange(made, code, /, **changes):
    form, header = as_client(made)
    values = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **form,
        **changes,
    }
    sent = {name: value for name, value in values.items() if value is not None}
    return post("/oauth/token", sent, header)


def refresh(made, token, /, **changes):
    form, header = as_client(made)
    sent = {"grant_type": "refresh_token", "refresh_token": token, **form, **changes}
    return post("/oauth/token", sent, header)


def tokens_of(user, made, **changes):
    """What a client holds once a person has consented."""
    answer = exchange(made, code_of(user, made, **changes))
    assert answer.status_code == 200, answer.content
    return answer.json()


def service_token(made, **changes):
    sent = {"grant_type": "client_credentials", **changes}
    answer = post("/oauth/token", sent, basic(made))
    assert answer.status_code == 200, answer.content
    return answer.json()


def call_with(token, path="/api/v1/me/token"):
    return Client().get(path, HTTP_AUTHORIZATION=f"Bearer {token}")
