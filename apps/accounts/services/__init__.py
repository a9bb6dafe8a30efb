"""Everything that changes who somebody is, or proves it."""

from __future__ import annotations

from apps.accounts.services.lifecycle import (
    change_rights,
    deactivate_user,
    ensure_demo_user,
    hold_user,
    reactivate_user,
    revoke_login,
    revoke_logins,
)
from apps.accounts.services.logins import (
    LoginTokens,
    Origin,
    check_credentials,
    log_in,
    log_out,
    purge_ended_logins,
    refresh_login,
)
from apps.accounts.services.mail import (
    send_address_in_use,
    send_confirmation,
    send_notice,
    send_password_changed,
    send_password_reset,
)
from apps.accounts.services.passwords import change_password, check_current_password, set_password
from apps.accounts.services.profile import (
    AwaitedConfirmation,
    confirm_email,
    read_awaited,
    request_email_change,
    update_profile,
)
from apps.accounts.services.registration import Registration, register_user
from apps.accounts.services.resetting import check_reset, request_password_reset, reset_password
from apps.accounts.services.tokens import read_access_token

__all__ = [
    "AwaitedConfirmation",
    "LoginTokens",
    "Origin",
    "Registration",
    "change_password",
    "change_rights",
    "check_credentials",
    "check_current_password",
    "check_reset",
    "confirm_email",
    "deactivate_user",
    "ensure_demo_user",
    "hold_user",
    "log_in",
    "log_out",
    "purge_ended_logins",
    "reactivate_user",
    "read_access_token",
    "read_awaited",
    "refresh_login",
    "register_user",
    "request_email_change",
    "request_password_reset",
    "reset_password",
    "revoke_login",
    "revoke_logins",
    "send_address_in_use",
    "send_confirmation",
    "send_notice",
    "send_password_changed",
    "send_password_reset",
    "set_password",
    "update_profile",
]
