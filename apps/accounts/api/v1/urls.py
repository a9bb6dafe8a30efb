"""Routes of accounts in version 1."""

from __future__ import annotations

from django.urls import path

from apps.accounts.api.v1.views import addresses, logins, passwords, people

urlpatterns = [
    path("register", logins.RegisterView.as_view(), name="register"),
    path("login", logins.LoginView.as_view(), name="login"),
    path("token/refresh", logins.RefreshView.as_view(), name="token-refresh"),
    path("logout", logins.LogoutView.as_view(), name="logout"),
    path(
        "email-confirmations", addresses.EmailConfirmationView.as_view(), name="email-confirmations"
    ),
    path("password-resets", passwords.PasswordResetView.as_view(), name="password-resets"),
    path(
        "password-resets/confirm",
        passwords.PasswordResetConfirmView.as_view(),
        name="password-resets-confirm",
    ),
    path("me", people.MeView.as_view(), name="me"),
    path("me/token", people.MeTokenView.as_view(), name="me-token"),
    path("me/password", passwords.MePasswordView.as_view(), name="me-password"),
    path("me/email", addresses.MeEmailView.as_view(), name="me-email"),
    path("users/<uuid:user_id>", people.UserView.as_view(), name="user"),
]
