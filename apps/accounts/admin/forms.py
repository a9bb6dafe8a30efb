"""Logging in to the site, and passwords set on it: by the rules and counters of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth.forms import SetPasswordForm
from django.utils import timezone

from apps.accounts import services
from core.api.addresses import client_ip
from core.audit import REASON_MAX
from core.errors import DomainError
from core.limits import PASSWORD_MAX

if TYPE_CHECKING:
    from apps.accounts.models import User


class LoginForm(AdminAuthenticationForm):
    """The site's login, under the same limits as the API's: per account and per address."""

    password = forms.CharField(
        max_length=PASSWORD_MAX,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean(self) -> dict[str, Any]:
        username, password = (self.cleaned_data.get(name) for name in ("username", "password"))
        if username and password and self.request is not None:
            try:
                self.user_cache = services.check_credentials(
                    identifier=username, password=password, ip=client_ip(self.request)
                )
            except DomainError as error:
                raise forms.ValidationError(error.detail, code=error.code) from error
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class OwnPasswordForm(AdminPasswordChangeForm):
    """One's own password, on the site: as in the API it ends every login."""

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        try:
            services.check_current_password(self.user, password)
        except DomainError as error:
            raise forms.ValidationError(error.detail, code=error.code) from error
        return password

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 - Django's signature
        services.set_password(
            user_id=self.user.pk,
            password=self.cleaned_data["new_password1"],
            actor=None,
            reason="By its owner, in the admin.",
            now=timezone.now(),
        )
        self.user.refresh_from_db()
        return self.user


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg] # Django's class takes none
    """Somebody else's password, with the reason for setting it."""

    reason = forms.CharField(
        max_length=REASON_MAX,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text="Kept in the audit trail.",
    )
