"""GET and POST /oauth/authorize: an application asks, a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views import View
from oauthlib.oauth2.rfc6749.errors import InvalidScopeError

from apps.developers.errors import BrokenAuthorizationError
from apps.developers.services import oauth
from apps.developers.web.metadata import issuer
from core.audit import AdminActor
from core.observability.headers import PRIVATE_PAGES
from core.security.scopes import PERSONAL_SCOPES, SCOPES

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from apps.developers.services.oauth import AuthorizationRequest

FORM_ACTION = "form-action 'self'"


def actor_of(request: HttpRequest) -> AdminActor:
    """The person whose session it is."""
    user: Any = request.user
    return AdminActor(user_id=user.pk, username=user.get_username())


class AuthorizeView(View):
    """The request stands in the URL at both steps, so what is allowed is what was shown."""

    http_method_names = ["get", "head", "post"]
    asked: AuthorizationRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401 - Django's signature
        """Who asks must be known and at home before anybody is sent anywhere."""
        try:
            self.asked = oauth.read_request(_sent(request), issuer=issuer())
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            return super().dispatch(request, *args, **kwargs)
        except BrokenAuthorizationError as error:
            return _page(request, "broken", {"reason": error.detail}, status=400)
        except oauth.SentBackError as answer:
            if not request.user.is_authenticated:  # or we would send anybody anywhere (4.11.2)
                return redirect_to_login(request.get_full_path())
            return _redirect(answer.uri)

    def get(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        scopes = self.asked.scopes_for(is_staff=user.is_staff)
        if not scopes:
            oauth.refuse(request=self.asked, error=InvalidScopeError())
        context = {
            "application": self.asked.application,
            "owner": self.asked.application.owner,
            "scopes": [(name, SCOPES[name]) for name in scopes],
            "left_out": [SCOPES[name] for name in self.asked.scopes if name not in scopes],
            "never": [SCOPES[name] for name in sorted(PERSONAL_SCOPES)],
            "host": urlsplit(self.asked.redirect_uri).netloc,
            "person": user,
        }
        return _page(request, "consent", context, leads_to=self.asked.redirect_uri)

    def post(self, request: HttpRequest) -> HttpResponse:
        """What was clicked. A page that was made for somebody else is shown anew."""
        user: Any = request.user
        if request.POST.get("person") != str(user.pk):
            return self.get(request)
        if request.POST.get("decision") != "allow":
            oauth.refuse(request=self.asked)
        uri = oauth.allow(
            request=self.asked,
            user=user,
            is_staff=user.is_staff,
            actor=actor_of(request),
            now=timezone.now(),
        )
        return _redirect(uri)


def _sent(request: HttpRequest) -> list[tuple[str, str]]:
    """The query, with what stands in it twice; it is known to be UTF-8 without NUL."""
    return parse_qsl(request.META.get("QUERY_STRING", ""), keep_blank_values=True)


def _page(
    request: HttpRequest,
    name: str,
    context: dict[str, Any],
    *,
    status: int = 200,
    leads_to: str | None = None,
) -> HttpResponse:
    """Args: `leads_to` is where the page's form may lead beside ourselves, by a redirect."""
    response = render(request, f"developers/{name}.html", context, status=status)
    if leads_to is not None:
        # Chromium holds a form to this also where its answer redirects to.
        policy = PRIVATE_PAGES["Content-Security-Policy"].replace(
            FORM_ACTION, f"{FORM_ACTION} {oauth.origin_of(leads_to)}"
        )
        response.headers["Content-Security-Policy"] = policy
    return response


def _redirect(uri: str) -> HttpResponseRedirect:
    """303: the browser must not send the form on to the client (RFC 9700 section 4.12)."""
    return SeeOther(uri)


class SeeOther(HttpResponseRedirect):
    status_code = 303
