"""The operators' door: users and their logins; every action asks why and is written down."""

from __future__ import annotations

from django.contrib import admin

from apps.accounts.admin.forms import LoginForm, NewPasswordForm, OwnPasswordForm
from apps.accounts.admin.logins import RefreshFamilyAdmin
from apps.accounts.admin.users import UserAdmin

__all__ = ["LoginForm", "NewPasswordForm", "OwnPasswordForm", "RefreshFamilyAdmin", "UserAdmin"]

# Set here and not in the site's class, which is imported before there are models.
admin.site.login_form = LoginForm
