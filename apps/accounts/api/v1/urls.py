"""Routes of accounts in version 1."""

from __future__ import annotations

from django.urls import path

from apps.accounts.api.v1 import views

urlpatterns = [
    path("register", views.RegisterView.as_view(), name="register"),
    path("login", views.LoginView.as_view(), name="login"),
    path("token/refresh", views.RefreshView.as_view(), name="token-refresh"),
    path("logout", views.LogoutView.as_view(), name="logout"),
    path("email-confirmations", views.EmailConfirmationView.as_view(), name="email-confirmations"),
    path("me", views.MeView.as_view(), name="me"),
    path("me/token", views.MeTokenView.as_view(), name="me-token"),
    path("me/password", views.MePasswordView.as_view(), name="me-password"),
    path("me/email", views.MeEmailView.as_view(), name="me-email"),
    path("users/<uuid:user_id>", views.UserView.as_view(), name="user"),
]
