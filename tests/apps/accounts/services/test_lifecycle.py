import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from apps.accounts import services
from apps.accounts.errors import LastSuperuserError, LoginNotFoundError, UserNotFoundError
from apps.accounts.models import RefreshFamily, RefreshToken, User
from apps.accounts.services import Origin
from core.audit import AdminActor
from core.models import AuditEntry, OutboxEvent, Revocation
from core.security import revocation
from core.security.errors import RevokedCredentialError
from core.security.principal import Principal
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.parallel import in_parallel

NOW = timezone.now()
BOB = AdminActor(user_id=uuid4(), username="bob")

pytestmark = pytest.mark.django_db


def log_in(user, now=None):
    return services.log_in(
        identifier=user.username, password=PASSWORD, origin=Origin(), now=now or timezone.now()
    )


def is_alive(access):
    principal = services.read_access_token(access)
    try:
        revocation.refresh().check(principal)
    except RevokedCredentialError:
        return False
    return True


def deactivate(user, now=None):
    services.deactivate_user(user_id=user.pk, actor=BOB, reason="Spam.", now=now or timezone.now())


class TestDeactivateUser:
    def test_ends_everything_and_writes_it_down(self):
        alice = UserFactory(username="alice")
        access = log_in(alice).access

        deactivate(alice)

        assert User.objects.get().is_active is False
        assert RefreshFamily.objects.get().cause == "user_deactivated"
        assert not is_alive(access)
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.actor_id, entry.reason) == (
            "accounts.user.deactivated",
            BOB.user_id,
            "Spam.",
        )
        assert (entry.before, entry.after) == ({"is_active": True}, {"is_active": False})
        event = OutboxEvent.objects.get(kind="event")
        assert (event.type, event.payload) == ("user.deactivated", {"username": "alice"})

    def test_reaches_a_token_issued_while_it_waited_for_the_lock(self):
        """`now` is read before the lock is had; a refresh may have come in between."""
        alice = UserFactory()
        before = timezone.now()
        access = log_in(alice, now=before + timedelta(seconds=1)).access

        deactivate(alice, now=before)

        assert not is_alive(access)

    def test_is_remembered_until_the_last_token_has_run_out(self):
        alice = UserFactory()
        deactivate(alice, now=NOW)

        row = Revocation.objects.get()

        assert (row.kind, row.subject, row.reason) == ("user", str(alice.pk), "user_deactivated")
        assert row.expires_at - row.not_before >= timedelta(seconds=900 + 10)

    def test_twice_is_once(self):
        alice = UserFactory()
        deactivate(alice)
        deactivate(alice)

        assert AuditEntry.objects.count() == 1

    def test_of_nobody_is_refused(self):
        with pytest.raises(UserNotFoundError):
            services.deactivate_user(user_id=uuid4(), actor=BOB, reason="x", now=NOW)

    def test_of_the_last_superuser_is_refused(self):
        root = User.objects.create_superuser("root")
        User.objects.create_superuser("gone", is_active=False)

        with pytest.raises(LastSuperuserError):
            deactivate(root)
        assert User.objects.get(pk=root.pk).is_active is True

    def test_of_one_superuser_of_two_is_not(self):
        root = User.objects.create_superuser("root")
        User.objects.create_superuser("other")

        deactivate(root)

        assert User.objects.get(pk=root.pk).is_active is False


class TestReactivateUser:
    def test_opens_the_account_and_leaves_old_logins_dead(self):
        alice = UserFactory(username="alice")
        old = log_in(alice).access
        deactivate(alice)

        services.reactivate_user(user_id=alice.pk, actor=BOB, reason="A mistake.")

        assert not is_alive(old)
        assert is_alive(log_in(alice).access)
        assert AuditEntry.objects.filter(action="accounts.user.reactivated").count() == 1
        assert OutboxEvent.objects.filter(type="user.reactivated").count() == 1

    def test_of_somebody_active_changes_nothing(self):
        alice = UserFactory()

        services.reactivate_user(user_id=alice.pk, actor=BOB, reason="x")

        assert not AuditEntry.objects.exists()


class TestRevokeLogins:
    def test_ends_all_and_lets_them_log_in_again(self):
        alice = UserFactory()
        old = [log_in(alice).access for _ in range(2)]

        count = services.revoke_logins(
            user_id=alice.pk, actor=BOB, reason="Lost a laptop.", now=timezone.now()
        )

        assert count == 2
        assert [is_alive(access) for access in old] == [False, False]
        assert is_alive(log_in(alice).access)
        event = OutboxEvent.objects.get(type="user.logins_revoked")
        assert event.payload == {"username": alice.username, "logins": 2}

    def test_one_leaves_the_others(self):
        alice = UserFactory()
        one, other = log_in(alice).access, log_in(alice).access
        login_id = services.read_access_token(one).family_id

        services.revoke_login(login_id=login_id, actor=BOB, reason="x", now=timezone.now())
        services.revoke_login(login_id=login_id, actor=BOB, reason="x", now=timezone.now())

        assert (is_alive(one), is_alive(other)) == (False, True)
        assert AuditEntry.objects.count() == 1

    def test_one_that_never_was_is_refused(self):
        with pytest.raises(LoginNotFoundError):
            services.revoke_login(login_id=uuid4(), actor=BOB, reason="x", now=NOW)

    def test_leaves_no_revocation_for_a_login_whose_access_token_has_run_out(self):
        alice = UserFactory()
        log_in(alice, now=timezone.now() - timedelta(hours=1))

        services.revoke_logins(user_id=alice.pk, actor=BOB, reason="x", now=timezone.now())

        assert not Revocation.objects.exists()
        assert RefreshFamily.objects.get().revoked_at is not None


class TestChangeRights:
    def change(self, user, **rights):
        services.change_rights(
            user_id=user.pk, actor=BOB, reason="New job.", now=timezone.now(), **rights
        )

    def test_takes_tokens_with_the_old_rights_away(self):
        alice = UserFactory()
        access = log_in(alice).access

        self.change(alice, is_staff=True, is_superuser=False)

        assert User.objects.get().is_staff is True
        assert not is_alive(access)
        entry = AuditEntry.objects.get(action="accounts.user.rights_changed")
        assert entry.before == {"is_staff": False, "is_superuser": False}
        assert entry.after == {"is_staff": True, "is_superuser": False}

    @pytest.mark.parametrize("role", ["holder", "owner"])
    def test_has_keys_and_tokens_with_a_row_read_again(self, role):
        """Of the user themself, and of whoever an application of theirs acts for."""
        alice, other = UserFactory(), UserFactory()
        key = Principal(
            user_id=alice.pk if role == "holder" else other.pk,
            username="-",
            application_id=uuid4(),
            scopes=frozenset({"models:write"}),
            plan="default",
            is_staff=True,
            credential="api_key",
            credential_id=str(uuid4()),
            family_id=None,
            issued_at=timezone.now(),
            expires_at=None,
            owner_id=alice.pk,
        )
        read_at = time.monotonic()
        assert not revocation.refresh().has_news_about(key, since=read_at)

        self.change(alice, is_staff=False, is_superuser=True)

        assert revocation.refresh().has_news_about(key, since=read_at)
        row = Revocation.objects.get(kind=Revocation.Kind.USER, subject=str(alice.pk))
        assert row.reason == "rights_changed"

    def test_taken_back_with_their_transaction_are_announced_to_nobody(self):
        alice = UserFactory()
        with transaction.atomic():
            self.change(alice, is_staff=True, is_superuser=False)
            transaction.set_rollback(True)

        assert not Revocation.objects.exists()

    def test_to_what_they_are_changes_nothing(self):
        alice = UserFactory()
        access = log_in(alice).access

        self.change(alice, is_staff=False, is_superuser=False)

        assert is_alive(access)
        assert not AuditEntry.objects.exists()

    def test_of_the_last_superuser_are_kept(self):
        root = User.objects.create_superuser("root")

        with pytest.raises(LastSuperuserError):
            self.change(root, is_staff=False, is_superuser=False)
        self.change(UserFactory(), is_staff=True, is_superuser=True)
        self.change(root, is_staff=False, is_superuser=False)

        assert User.objects.get(pk=root.pk).is_superuser is False


@pytest.mark.django_db(transaction=True)
class TestTwoSuperusers:
    def test_cannot_deactivate_each_other_at_once(self):
        pair = [User.objects.create_superuser(name) for name in ("one", "two")]

        answers = in_parallel(lambda n: deactivate(pair[n]), count=2)

        assert sorted(str(type(answer).__name__) for answer in answers) == [
            "LastSuperuserError",
            "NoneType",
        ]
        assert User.objects.active().count() == 1


@pytest.mark.django_db(transaction=True)
class TestDeactivatingWhileRefreshing:
    def test_leaves_nobody_inside(self):
        for _ in range(5):
            alice = UserFactory()
            pair = log_in(alice)

            def act(number, alice=alice, pair=pair):
                if number:
                    return deactivate(alice)
                return services.refresh_login(refresh=pair.refresh, now=timezone.now())

            fresh, _ = in_parallel(act, count=2)

            assert not is_alive(pair.access)
            if isinstance(fresh, services.LoginTokens):
                assert not is_alive(fresh.access)
            assert RefreshFamily.objects.filter(user=alice, revoked_at=None).count() == 0


def ensure(username, *, is_staff):
    return services.ensure_demo_user(username=username, password=PASSWORD, is_staff=is_staff)


class TestEnsureDemoUser:
    def test_makes_one_and_leaves_one_that_exists(self):
        made = ensure("demo", is_staff=False)
        user = User.objects.get()
        user.set_password("changed since")
        user.save()

        again = ensure("DEMO", is_staff=True)

        assert (made, again) == (True, False)
        assert User.objects.get().check_password("changed since")
        assert User.objects.get().is_staff is False


class TestPurgeEndedLogins:
    def test_deletes_what_has_run_out_with_its_tokens(self):
        alice = UserFactory()
        log_in(alice, now=timezone.now() - timedelta(days=15))
        log_in(alice)

        assert services.purge_ended_logins(now=timezone.now()) == 1
        assert RefreshFamily.objects.count() == RefreshToken.objects.count() == 1
