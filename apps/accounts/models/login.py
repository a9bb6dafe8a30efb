"""Logins: a family of refresh tokens each, of which only the newest works."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.accounts.models.user import User
from core.db.models import BaseModel, BaseQuerySet
from core.ids import uuid7

USER_AGENT_MAX = 200  # characters


class RefreshFamilyQuerySet(BaseQuerySet["RefreshFamily"]):
    def live(self) -> RefreshFamilyQuerySet:
        """Not ended. It may have run out: expiry needs no one to write it down."""
        return self.filter(revoked_at__isnull=True)


class RefreshFamily(BaseModel):
    """One login on one device: every refresh token that descends from it, and its access tokens."""

    class Cause(models.TextChoices):
        LOGOUT = "logout", "Logged out"
        PASSWORD_CHANGED = "password_changed", "Password changed"
        TOKEN_REUSED = "token_reused", "Refresh token used twice"
        USER_DEACTIVATED = "user_deactivated", "User deactivated"
        RIGHTS_CHANGED = "rights_changed", "Staff rights changed"
        REVOKED_BY_STAFF = "revoked_by_staff", "Revoked by staff"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="refresh_families")
    last_used_at = models.DateTimeField(help_text="Last login or refresh (UTC).")
    expires_at = models.DateTimeField(
        db_index=True, help_text="When its newest refresh token runs out (UTC)."
    )
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="When it was ended (UTC).")
    cause = models.CharField(
        max_length=32, choices=Cause, blank=True, help_text="Why it was ended."
    )
    user_agent = models.CharField(
        max_length=USER_AGENT_MAX, blank=True, help_text="What the client called itself at login."
    )
    ip = models.GenericIPAddressField(
        null=True, blank=True, verbose_name="IP address", help_text="Where the login came from."
    )

    objects: ClassVar = RefreshFamilyQuerySet.as_manager()

    class Meta:
        verbose_name = "login"
        constraints = [
            models.CheckConstraint(
                name="refresh_family_cause_when_revoked",
                condition=Q(revoked_at=None, cause="")
                | (Q(revoked_at__isnull=False) & ~Q(cause="")),
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-last_used_at"], name="refresh_family_by_user"),
        ]

    def __str__(self) -> str:
        return f"login {self.pk}"

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None


class RefreshToken(models.Model):
    """One refresh token: a keyed hash of it, and whether it has been exchanged."""

    id = models.UUIDField(
        primary_key=True, default=uuid7, editable=False, help_text="The token's jti."
    )
    family = models.ForeignKey(RefreshFamily, on_delete=models.CASCADE, related_name="tokens")
    digest = models.BinaryField(
        max_length=32, help_text="HMAC-SHA-256 of the token under a pepper."
    )
    issued_at = models.DateTimeField(help_text="UTC.")
    expires_at = models.DateTimeField(help_text="UTC.")
    used_at = models.DateTimeField(null=True, help_text="When it was exchanged for the next (UTC).")
    replaced_by = models.OneToOneField(
        "self", null=True, on_delete=models.SET_NULL, related_name="replaces"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["family"], condition=Q(used_at=None), name="refresh_token_one_unused"
            ),
            models.CheckConstraint(
                name="refresh_token_replaced_when_used",
                condition=Q(replaced_by=None) | Q(used_at__isnull=False),
            ),
            models.CheckConstraint(
                name="refresh_token_expires_after_issue",
                condition=Q(expires_at__gt=F("issued_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"refresh token {self.pk}"
