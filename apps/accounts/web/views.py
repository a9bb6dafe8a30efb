"""Pages in, one call inward, pages out. None needs JavaScript; every form has its CSRF token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import FormView, TemplateView

from apps.accounts import services
from apps.accounts.errors import InvalidConfirmationError, InvalidResetError
from apps.accounts.web.forms import (
    AddressForm,
    LoginForm,
    NewPasswordForm,
    TokenForm,
    add_faults,
)
from core.api.addresses import client_ip
from core.api.errors import answer_error
from core.api.refusals import too_many
from core.api.throttling import caller_of, limiter
from core.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

CONSENT = "/oauth/authorize"


class CountedPage:
    """Charges each form that is sent to its address, from the same purse as the API's secrets."""

    http_method_names: Sequence[str] = ("get", "head", "post")  # a FormView takes PUT as well

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401 - Django's signature
        if request.method == "POST":
            try:
                decision = limiter.spend(caller_of(request, None), "credentials")
            except DomainError as error:
                return answer_error(request, error)
            if not decision.allowed:
                return answer_error(request, too_many(decision.retry_after, decision.violated))
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc] # of the view beside
        return answer


class LoginPage(CountedPage, LoginView):
    """GET and POST /account/login?next=/where/to/go: a session, under a new id."""

    template_name = "account/login.html"
    authentication_form = LoginForm

    def form_valid(self, form: LoginForm) -> HttpResponse:  # type: ignore[override] # the form set above
        """On to where the person was going, on this host.

        Going on to the consent page is a page of its own and no redirect: the consent may be there
        already and lead to another site, which a browser does not let a form be redirected to
        under our `form-action` (Content Security Policy 3, 6.4.2).
        """
        login(self.request, form.get_user())
        url = self.get_success_url()
        if url.partition("?")[0] == CONSENT:
            return TemplateResponse(self.request, "account/continue.html", {"url": url})
        return HttpResponseRedirect(url)


class LogoutPage(LogoutView):
    """POST /account/logout: the session ends; access tokens of the API are another matter."""

    http_method_names = ["post"]
    next_page = "account-login"


@method_decorator(never_cache, name="dispatch")
class PasswordResetPage(CountedPage, FormView):  # type: ignore[type-arg] # Django's class takes none
    """GET and POST /account/password-reset: the same answer for every address."""

    template_name = "account/password_reset.html"
    form_class = AddressForm
    success_url = reverse_lazy("account-password-reset-sent")

    def form_valid(self, form: AddressForm) -> HttpResponse:
        try:
            services.request_password_reset(
                email=form.cleaned_data["email"], ip=client_ip(self.request)
            )
        except DomainError as error:
            add_faults(form, error, {"#/email": "email"})
            return self.form_invalid(form)
        return super().form_valid(form)


class PasswordResetSentPage(TemplateView):
    http_method_names = ["get", "head"]
    template_name = "account/password_reset_sent.html"


class LinkPage(CountedPage):
    """A page that a mail leads to, with `?token=`; opening it changes nothing, its button does."""

    form_class: Any
    broken_template_name: str

    def get_initial(self) -> dict[str, Any]:
        return {"token": self.request.GET.get("token", "")}  # type: ignore[attr-defined] # of the view beside

    def broken(self) -> HttpResponse:
        request: HttpRequest = self.request  # type: ignore[attr-defined] # of the view beside
        return TemplateResponse(request, self.broken_template_name, status=400)


@method_decorator(never_cache, name="dispatch")
class PasswordResetConfirmPage(LinkPage, FormView):  # type: ignore[type-arg] # Django's class takes none
    """GET and POST /account/password-reset/confirm: a new password, typed twice."""

    template_name = "account/password_reset_confirm.html"
    broken_template_name = "account/password_reset_broken.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("account-login")

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            services.check_reset(request.GET.get("token", ""))
        except InvalidResetError:
            return self.broken()
        return super().get(request)

    def form_valid(self, form: NewPasswordForm) -> HttpResponse:
        token, password = form.cleaned_data["token"], form.cleaned_data["password"]
        try:
            services.reset_password(token=token, password=password, now=timezone.now())
        except InvalidResetError:
            return self.broken()
        except DomainError as error:
            add_faults(form, error, {"#/password": "password"})
            return self.form_invalid(form)
        messages.success(self.request, "Your password is changed. Log in with the new one.")
        return super().form_valid(form)

    def form_invalid(self, form: NewPasswordForm) -> HttpResponse:
        return self.broken() if "token" in form.errors else super().form_invalid(form)


@method_decorator(never_cache, name="dispatch")
class ConfirmEmailPage(LinkPage, FormView):  # type: ignore[type-arg] # Django's class takes none
    """GET and POST /account/confirm-email: says whose address it is; a button confirms it.

    Programs that follow links in mails to look for harm send GET, and so confirm nothing.
    """

    template_name = "account/confirm_email.html"
    broken_template_name = "account/confirm_email_broken.html"
    form_class = TokenForm

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            awaited = services.read_awaited(request.GET.get("token", ""))
        except InvalidConfirmationError:
            return self.broken()
        return self.render_to_response(self.get_context_data(awaited=awaited))

    def form_valid(self, form: TokenForm) -> HttpResponse:
        try:
            services.confirm_email(confirmation=form.cleaned_data["token"], now=timezone.now())
        except InvalidConfirmationError:
            return self.broken()
        return TemplateResponse(self.request, "account/email_confirmed.html")

    def form_invalid(self, form: TokenForm) -> HttpResponse:  # noqa: ARG002 - Django's signature
        return self.broken()
