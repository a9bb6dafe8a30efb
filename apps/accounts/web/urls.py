"""Pages of accounts, under /account/."""

from __future__ import annotations

from django.urls import path

from apps.accounts.web import views

urlpatterns = [
    path("login", views.LoginPage.as_view(), name="account-login"),
    path("logout", views.LogoutPage.as_view(), name="account-logout"),
    path("password-reset", views.PasswordResetPage.as_view(), name="account-password-reset"),
    path(
        "password-reset/sent",
        views.PasswordResetSentPage.as_view(),
        name="account-password-reset-sent",
    ),
    path(
        "password-reset/confirm",
        views.PasswordResetConfirmPage.as_view(),
        name="account-password-reset-confirm",
    ),
    path("confirm-email", views.ConfirmEmailPage.as_view(), name="account-confirm-email"),
]
