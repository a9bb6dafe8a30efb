"""What people type into the pages; what is wrong with it is said in words, at its field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, UsernameField

from apps.accounts import services
from apps.accounts.models.naming import EMAIL_MAX
from core.api.addresses import client_ip
from core.errors import DomainError
from core.limits import PASSWORD_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_MAX = 1_024  # characters


def password_input(autocomplete: str) -> forms.PasswordInput:
    return forms.PasswordInput(attrs={"autocomplete": autocomplete})


class LoginForm(AuthenticationForm):
    """The same check, counters and words as the API's login and the admin's."""

    username = UsernameField(
        label="Username or e-mail address",
        max_length=EMAIL_MAX,
        widget=forms.TextInput(attrs={"autofocus": True}),
    )
    password = forms.CharField(
        label="Password",
        max_length=PASSWORD_MAX,
        strip=False,
        widget=password_input("current-password"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's signature
        super().__init__(*args, **kwargs)
        # Django puts the length of a username here; an address is longer.
        self.fields["username"].widget.attrs["maxlength"] = EMAIL_MAX

    def clean(self) -> dict[str, Any]:
        username, password = (self.cleaned_data.get(name) for name in ("username", "password"))
        if username and password and self.request is not None:
            try:
                self.user_cache = services.check_credentials(
                    identifier=username, password=password, ip=client_ip(self.request)
                )
            except DomainError as error:
                raise forms.ValidationError(error.detail, code=error.code) from error
        return self.cleaned_data


class AddressForm(forms.Form):
    email = forms.EmailField(
        label="E-mail address",
        max_length=EMAIL_MAX,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )


class TokenForm(forms.Form):
    """A button: the link's text is all that is sent."""

    token = forms.CharField(max_length=TOKEN_MAX, widget=forms.HiddenInput)


class NewPasswordForm(TokenForm):
    password = forms.CharField(
        label="New password",
        max_length=PASSWORD_MAX,
        strip=False,
        widget=password_input("new-password"),
        help_text="At least 8 characters, not a common password, without your name in it.",
    )
    again = forms.CharField(
        label="New password again",
        max_length=PASSWORD_MAX,
        strip=False,
        widget=password_input("new-password"),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        password, again = cleaned.get("password"), cleaned.get("again")
        if password and again and password != again:
            self.add_error("again", "The two passwords are not the same.")
        return cleaned


def add_faults(form: forms.Form, error: DomainError, fields: Mapping[str, str]) -> None:
    """Put what a service has against the input where it was typed.

    Args:
        form: what was typed.
        error: without field errors, it concerns the form as a whole.
        fields: names of the form's fields by the pointers of the service's, e.g. "#/email".
    """
    if not error.errors:
        form.add_error(None, error.detail)
    for fault in error.errors:
        form.add_error(fields.get(fault.pointer or ""), fault.detail)
