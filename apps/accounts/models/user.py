"""The user: who somebody is, under names that differ in more than case or code points."""

from __future__ import annotations

from datetime import UTC
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from apps.accounts.models.naming import (
    EMAIL_MAX,
    USERNAME_KEY_PATTERN,
    USERNAME_MAX,
    USERNAME_PATTERN,
    USERNAME_RULE,
    email_key,
    normalise,
    tidy,
)
from core.db.models import BaseModel, BaseQuerySet

DISPLAY_NAME_MAX = 100  # characters
BIO_MAX = 500  # characters


class UserQuerySet(BaseQuerySet["User"]):
    def active(self) -> UserQuerySet:
        return self.filter(is_active=True)

    def known_as(self, identifier: str) -> UserQuerySet:
        """Whoever may log in with this: a username, or an address once it is confirmed."""
        if "@" not in identifier:
            return self.filter(username_key=normalise(identifier))
        try:
            return self.owning(email_key(identifier))
        except ValueError:
            return self.none()

    def owning(self, key: str) -> UserQuerySet:
        """Whose confirmed address this is, by its `email_key`; for the empty one nobody."""
        return self.filter(email_key=key, email_verified_at__isnull=False)


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def active(self) -> UserQuerySet:
        return self.get_queryset().active()

    def known_as(self, identifier: str) -> UserQuerySet:
        return self.get_queryset().known_as(identifier)

    def owning(self, key: str) -> UserQuerySet:
        return self.get_queryset().owning(key)

    def get_by_natural_key(self, username: str | None) -> User:
        """Django's door for session logins; case and code points do not distinguish here either."""
        if not username or "\0" in username:  # PostgreSQL has no text with NUL
            raise self.model.DoesNotExist
        return self.get_queryset().known_as(username).get()

    def create_user(
        self,
        username: str,
        email: str = "",
        password: str | None = None,
        **fields: Any,  # noqa: ANN401 - Django's own signature
    ) -> User:
        """A row with its keys filled; rules about names and passwords are the services'.

        An address waits to be confirmed, unless `email_verified_at` says that it is.
        """
        is_confirmed = fields.get("email_verified_at") is not None
        address = {"email" if is_confirmed else "pending_email": email or ""}
        user = self.model(username=username, **{**address, **fields})
        user.fill_keys()
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self,
        username: str,
        email: str = "",
        password: str | None = None,
        **fields: Any,  # noqa: ANN401 - Django's own signature
    ) -> User:
        return self.create_user(
            username, email, password, **{**fields, "is_staff": True, "is_superuser": True}
        )


class User(BaseModel, AbstractBaseUser, PermissionsMixin):
    """A person with an account. Deactivated rather than deleted, since others' rows point here.

    `username_key` and `email_key` are what uniqueness means; naming.py says how they are made. An
    address belongs to an account only when it is confirmed; until then it is `pending_email`, which
    any number of accounts may ask for.
    """

    # No column: each login would move row_version. RefreshFamily knows when somebody was here.
    last_login = None

    username = models.CharField(
        max_length=USERNAME_MAX,
        unique=True,
        validators=[
            RegexValidator(USERNAME_PATTERN, message=USERNAME_RULE, code="invalid_username")
        ],
        help_text=USERNAME_RULE,
        error_messages={"unique": "This username is taken."},
    )
    username_key = models.CharField(
        max_length=USERNAME_MAX, editable=False, help_text="The username as it is compared."
    )
    email = models.EmailField(
        max_length=EMAIL_MAX, blank=True, help_text="E.g. alice@example.org; empty until confirmed."
    )
    email_key = models.CharField(
        max_length=EMAIL_MAX, blank=True, editable=False, help_text="The address as it is compared."
    )
    email_verified_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When its owner confirmed the address (UTC); empty while there is none.",
    )
    pending_email = models.EmailField(
        max_length=EMAIL_MAX,
        blank=True,
        help_text="An address the user asked for; it becomes theirs when it is confirmed.",
    )
    display_name = models.CharField(
        max_length=DISPLAY_NAME_MAX, blank=True, help_text="Public; any script, e.g. Élodie Çelik."
    )
    bio = models.CharField(max_length=BIO_MAX, blank=True, help_text="Public; a few words.")
    is_active = models.BooleanField(
        default=True, help_text="Off: no login, and tokens at hand die within seconds."
    )
    is_staff = models.BooleanField(
        default=False, help_text="May use the admin and staff-only operations."
    )
    password_changed_at = models.DateTimeField(
        default=timezone.now, editable=False, help_text="When the password was last set (UTC)."
    )
    sessions_ended_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When staff last ended all sessions on the site's pages (UTC).",
    )

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment] # keeps BaseQuerySet's update

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["username_key"],
                name="user_username_key_unique",
                violation_error_message="This username is taken.",
            ),
            models.UniqueConstraint(
                fields=["email_key"],
                condition=~Q(email_key=""),
                name="user_email_key_unique",
                violation_error_message="Another user has this address.",
            ),
            models.CheckConstraint(
                name="user_username_key_filled",
                condition=Q(username_key__regex=USERNAME_KEY_PATTERN),
            ),
            models.CheckConstraint(
                name="user_email_key_filled",
                condition=Q(email="", email_key="") | (~Q(email="") & Q(email_key__contains="@")),
            ),
            models.CheckConstraint(
                name="user_only_confirmed_addresses",
                condition=Q(email="", email_verified_at=None)
                | (~Q(email="") & Q(email_verified_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="user_by_created_at"),
        ]

    def __str__(self) -> str:
        return self.username

    def clean(self) -> None:
        """Called by forms, which may then save: the keys follow the names."""
        try:
            self.fill_keys()
        except ValueError as error:
            raise ValidationError({"email": EmailValidator.message}) from error

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's mark of the password in a session, and here of the last ending of them all.

        A session with another mark is over at its next page; there is no list of whose is which.
        """
        mark: str = super()._get_session_auth_hash(secret)  # type: ignore[misc] # missing in its stubs
        ended_at = self.sessions_ended_at
        if ended_at is None:
            return mark
        value = f"{mark}|{ended_at.astimezone(UTC).isoformat()}"
        salt = "accounts.sessions-ended"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()

    def fill_keys(self) -> None:
        """Bring `username`, `email` and their keys into step. Raises ValueError: no such domain."""
        self.username, self.username_key = tidy(self.username), normalise(self.username)
        self.email, self.pending_email = tidy(self.email), tidy(self.pending_email)
        self.email_key = email_key(self.email)
