"""Who calls in the contracts: people, applications and credentials, good and bad."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from apps.accounts.services import deactivate_user
from apps.accounts.services.tokens import make_access_token, read_access_token
from apps.developers.models import ApiKey
from apps.developers.services import applications, keys
from core.ids import uuid7
from core.models import Revocation
from core.security import revocation
from core.security.scopes import grantable_to, scopes_of_login
from tests.factories import oauth
from tests.factories.accounts import UserFactory
from tests.factories.developers import login_of, make_application, make_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.accounts.models import User
    from apps.developers.models import Application

HOUR = timedelta(hours=1)
REFUSED = "401"


@dataclass(frozen=True)
class Actor:
    """Somebody with a credential, or without.

    Attributes:
        name: for messages and tables.
        token: what stands behind "Bearer"; None: nothing is sent.
        user: in whose name.
        application: by which application; None: by a login.
        scopes: what the credential carries.
        read_only: it may only read.
        refusal: how every call of it is refused; empty: it is a good one.
    """

    name: str
    token: str | None = None
    user: User | None = None
    application: Application | None = None
    scopes: frozenset[str] = frozenset()
    read_only: bool = False
    refusal: str = ""

    def sees(self, user: User, application: Application | None) -> bool:
        """Whether something is this actor's: people see all of theirs, applications their own."""
        is_theirs = self.user is not None and self.user.pk == user.pk
        return is_theirs and self.application in (None, application)


class Cast:
    """The people of a test, each made when first needed.

    `request` is pytest's, for what only a fixture can make.

    Attributes:
        owner: whose the objects are; mallory: another; bob: staff; root: a superuser.
        maker: the owner's application that makes objects; other: another of the owner's; foreign:
            mallory's; helper: bob's.
        tokens: every credential that was made, as text.
    """

    def __init__(self, request: Any) -> None:
        self._request = request
        self.tokens: set[str] = set()

    @cached_property
    def owner(self) -> User:
        return UserFactory(username="alice", email="alice@example.org", confirmed=True)

    @cached_property
    def mallory(self) -> User:
        return UserFactory(username="mallory", email="mallory@example.org")

    @cached_property
    def bob(self) -> User:
        return UserFactory(username="bob", staff=True)

    @cached_property
    def root(self) -> User:
        return UserFactory(username="root", staff=True, is_superuser=True)

    @cached_property
    def maker(self) -> Application:
        return make_application(self.owner, "Maker")

    @cached_property
    def other(self) -> Application:
        return make_application(self.owner, "Other")

    @cached_property
    def foreign(self) -> Application:
        return make_application(self.mallory, "Foreign")

    @cached_property
    def helper(self) -> Application:
        return make_application(self.bob, "Helper")

    def fixture(self, name: str) -> Any:
        return self._request.getfixturevalue(name)

    # -- Credentials

    def login(self, name: str, user: User, **more: Any) -> Actor:
        token = make_access_token(user=user, family_id=uuid7(), now=timezone.now())
        self.tokens.add(token)
        return Actor(name, token, user, scopes=scopes_of_login(is_staff=user.is_staff), **more)

    def key(self, name: str, application: Application, **rules: Any) -> Actor:
        """A key of an application, with all that its owner can hand on unless `rules` say less."""
        scopes = rules.pop("scopes", grantable_to(is_staff=application.owner.is_staff))
        issued = make_key(application, scopes=sorted(scopes), **rules)
        self.tokens.add(issued.key)
        return Actor(
            name,
            issued.key,
            application.owner,
            application,
            scopes=scopes,
            read_only=rules.get("read_only", False),
        )

    # -- Who there is

    def good(self) -> Iterator[Actor]:
        """Those whose credential is good."""
        yield self.login("owner", self.owner)
        yield self.key("application that made it", self.maker)
        yield self.key("read-only key of that application", self.maker, read_only=True)
        yield self.key("another application of the owner", self.other)
        yield self.login("another user", self.mallory)
        yield self.key("another user's application", self.foreign)
        yield self.login("staff", self.bob)
        yield self.key("application of staff", self.helper)
        yield self.login("superuser", self.root)
        yield self._service()
        yield self._third_party()

    def _service(self) -> Actor:
        """The application that made it, with a token of its own (client credentials)."""
        scopes = grantable_to(is_staff=False)
        made = oauth.make_service(self.maker, scopes=sorted(scopes))
        token = oauth.service_token(made)["access_token"]
        self.tokens |= {token, made.secret}
        name = "service of the application that made it"
        return Actor(name, token, self.owner, self.maker, scopes=scopes)

    def _third_party(self) -> Actor:
        """Another user's application, to which the owner has given all that can be given."""
        scopes = grantable_to(is_staff=False)
        made = oauth.make_client(self.foreign, scopes=sorted(scopes))
        tokens = oauth.tokens_of(self.owner, made, scope=" ".join(scopes))
        token = tokens["access_token"]
        self.tokens |= {token, tokens["refresh_token"], made.secret}
        name = "third party with the owner's consent"
        return Actor(name, token, self.owner, self.foreign, scopes=scopes)

    def without(self, scope: str) -> Actor:
        """The application that made it, with a key that has every scope but this one."""
        scopes = grantable_to(is_staff=False) - {scope}
        return self.key(f"key without {scope}", self.maker, scopes=scopes)

    def bad(self) -> Iterator[Actor]:
        """Those whom nobody knows, or no longer."""
        yield self.nobody()
        yield Actor("nonsense", "sk_" + "A" * 49, refusal=REFUSED)
        yield self._expired_login()
        yield self._revoked_login()
        yield self._expired_key()
        yield self._revoked_key()
        yield self._suspended()

    @staticmethod
    def nobody() -> Actor:
        return Actor("anonymous", refusal=REFUSED)

    def _expired_login(self) -> Actor:
        then = timezone.now() - HOUR
        token = make_access_token(user=self.owner, family_id=uuid7(), now=then)
        return Actor("expired token", token, refusal=REFUSED)

    def _revoked_login(self) -> Actor:
        actor, now = self.login("revoked token", self.owner, refusal=REFUSED), timezone.now()
        revocation.revoke(
            Revocation.Kind.CREDENTIAL,
            read_access_token(actor.token or "").credential_id,
            not_before=now,
            expires_at=now + HOUR,
            reason="test",
        )
        revocation.refresh()
        return actor

    def _expired_key(self) -> Actor:
        issued, now = self._issue(self.maker), timezone.now()
        ApiKey.objects.filter(pk=issued.row.pk).update(
            created_at=now - 2 * HOUR, expires_at=now - HOUR
        )
        return Actor("expired key", issued.key, refusal=REFUSED)

    def _revoked_key(self) -> Actor:
        issued = self._issue(self.maker)
        keys.revoke_key(
            key_id=issued.row.pk, actor=login_of(self.bob), reason="test", now=timezone.now()
        )
        return Actor("revoked key", issued.key, refusal=REFUSED)

    def _suspended(self) -> Actor:
        application = make_application(self.owner, "Suspended")
        issued = self._issue(application)
        applications.suspend_application(
            application_id=application.pk,
            actor=login_of(self.bob),
            reason="test",
            now=timezone.now(),
        )
        return Actor("suspended application", issued.key, refusal="403 application_suspended")

    def deactivated(self) -> Iterator[Actor]:
        """The owner once more, who is deactivated for it: what comes after must be undone."""
        login = self.login("deactivated user", self.owner, refusal=REFUSED)
        issued = self._issue(self.maker)
        deactivate_user(
            user_id=self.owner.pk, actor=login_of(self.bob), reason="test", now=timezone.now()
        )
        revocation.refresh()
        yield login
        yield Actor("application of a deactivated user", issued.key, refusal=REFUSED)

    @staticmethod
    def _issue(application: Application) -> Any:
        return make_key(application, scopes=sorted(grantable_to(is_staff=False)))
