"""Applications and their API keys: what calls in somebody's name, and by which secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.developers.models.plans import Plan
from core.db.models import BaseModel, BaseQuerySet

if TYPE_CHECKING:
    from datetime import datetime

NAME_MAX = 80  # characters
DESCRIPTION_MAX = 500  # characters
URL_MAX = 300  # characters
SCOPE_MAX = 64  # characters
NETWORK_MAX = 43  # characters of an IPv6 network in CIDR notation
PREFIX_LENGTH = 11  # characters of a key that stay readable: "sk_" and eight more


class ApplicationQuerySet(BaseQuerySet["Application"]):
    def open(self) -> ApplicationQuerySet:
        """Those that still exist for their owner; a suspended one does."""
        return self.exclude(status=Application.Status.CLOSED)


class Application(BaseModel):
    """A program of a developer's. What it makes is its owner's, with its id beside.

    active <-> suspended (by staff); closed by its owner, for ever.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        CLOSED = "closed", "Closed"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who made it, and whose everything is that it makes.",
    )
    name = models.CharField(max_length=NAME_MAX, help_text="People read it when asked for consent.")
    description = models.CharField(
        max_length=DESCRIPTION_MAX, blank=True, help_text="What it does, in a sentence."
    )
    website = models.URLField(max_length=URL_MAX, blank=True, help_text="Where to read about it.")
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    suspended_at = models.DateTimeField(null=True, blank=True, help_text="By staff (UTC).")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="By its owner (UTC).")
    plan = models.ForeignKey(
        Plan,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Given by staff; empty: the default plan.",
    )

    objects: ClassVar = ApplicationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                condition=~Q(status="closed"),
                name="application_name_once_per_owner",
            ),
            models.CheckConstraint(
                name="application_status_known",
                condition=Q(status="active", suspended_at=None, closed_at=None)
                | Q(status="suspended", suspended_at__isnull=False, closed_at=None)
                | Q(status="closed", closed_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at", "-id"], name="application_by_owner"),
        ]

    def __str__(self) -> str:
        return self.name


class ApiKeyQuerySet(BaseQuerySet["ApiKey"]):
    def live(self, *, now: datetime) -> ApiKeyQuerySet:
        """Neither revoked nor run out."""
        return self.filter(revoked_at=None).filter(Q(expires_at=None) | Q(expires_at__gt=now))


class ApiKey(BaseModel):
    """A secret by which an application calls. Shown once; kept as a keyed hash."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="keys")
    name = models.CharField(max_length=NAME_MAX, help_text="What it is for, e.g. nightly import.")
    prefix = models.CharField(
        max_length=PREFIX_LENGTH, help_text="How the key begins, to tell it from others."
    )
    digest = models.BinaryField(
        max_length=32, unique=True, help_text="HMAC-SHA-256 of the key under a pepper."
    )
    scopes = ArrayField(models.CharField(max_length=SCOPE_MAX), help_text="What it may do.")
    read_only = models.BooleanField(default=False, help_text="Only GET and HEAD, whatever scopes.")
    networks = ArrayField(
        models.CharField(max_length=NETWORK_MAX),
        default=list,
        blank=True,
        help_text="Addresses or networks (CIDR) it may be used from; empty: any.",
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never (UTC).")
    last_used_at = models.DateTimeField(
        null=True, blank=True, help_text="Written at most once a minute (UTC)."
    )
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="Dead since (UTC).")
    replaced_by = models.OneToOneField(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="replaces",
        help_text="The key that a rotation made.",
    )

    objects: ClassVar = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(name="api_key_has_scopes", condition=Q(scopes__len__gte=1)),
            models.CheckConstraint(
                name="api_key_expires_after_creation",
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")),
            ),
        ]
        indexes = [
            models.Index(fields=["application", "-created_at", "-id"], name="api_key_by_app"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"
