"""/account/authorizations: which applications may act for me, and taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views import View

from apps.developers.errors import AuthorizationNotFoundError
from apps.developers.selectors.oauth import authorizations_of
from apps.developers.services import oauth
from apps.developers.web.consent import actor_of
from core.security.scopes import SCOPES

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse


class AuthorizationsView(LoginRequiredMixin, View):
    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        listed = [
            {"given": given, "words": [SCOPES[name] for name in given.scopes if name in SCOPES]}
            for given in authorizations_of(user.pk, now=timezone.now())
        ]
        context = {"authorizations": listed}
        return render(request, "developers/authorizations.html", context)


class WithdrawView(LoginRequiredMixin, View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, application_id: UUID) -> HttpResponse:
        """End everything at once. What has ended already is as good."""
        user: Any = request.user
        try:
            oauth.withdraw(
                user_id=user.pk,
                application_id=application_id,
                actor=actor_of(request),
                now=timezone.now(),
            )
        except AuthorizationNotFoundError:
            messages.info(request, "This application could do nothing any more.")
        else:
            messages.success(request, "Done: within five seconds the application is out.")
        return redirect("account-authorizations")
