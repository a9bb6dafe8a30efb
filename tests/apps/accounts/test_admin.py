import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import RefreshFamily, User
from apps.accounts.services import Origin, attempts
from core.models import AuditEntry
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/user/"
LOGINS = "/admin/accounts/refreshfamily/"
NEW = "another horse entirely"


@pytest.fixture
def root():
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def client(root):
    return client_of_staff(root)


@pytest.fixture
def helper():
    """Staff who may operate on accounts, and no superuser."""
    user = UserFactory(username="helper", staff=True)
    user.user_permissions.add(
        *Permission.objects.filter(codename__in=["change_user", "change_refreshfamily"])
    )
    return user


def client_of_staff(user):
    client = Client()
    client.force_login(user)
    return client


def act(client, action, *rows, url=LIST, reason="Because."):
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows], "apply": "1"}
    return client.post(url, {**body, "reason": reason}, follow=True)


def log_in(user):
    services.log_in(
        identifier=user.username, password=PASSWORD, origin=Origin(), now=timezone.now()
    )
    return RefreshFamily.objects.latest("created_at")


class TestSite:
    @pytest.mark.usefixtures("root")
    def test_lets_staff_in_under_any_spelling(self):
        client = Client()
        answer = client.post("/admin/login/", {"username": "ROOT", "password": PASSWORD})

        assert answer.status_code == 302
        assert client.get(LIST).status_code == 200

    @pytest.mark.parametrize("name", ["alice", "nobody", "gone"])
    def test_keeps_everybody_else_out(self, name):
        UserFactory(username="alice")
        UserFactory(username="gone", staff=True, is_active=False)

        answer = Client().post("/admin/login/", {"username": name, "password": PASSWORD})

        assert answer.status_code == 200
        assert "errornote" in answer.content.decode()

    @pytest.mark.usefixtures("root")
    def test_counts_wrong_passwords_as_the_api_does(self):
        for _ in range(attempts.ACCOUNT_FAILURES):
            Client().post("/admin/login/", {"username": "root", "password": "wrong"})

        answer = Client().post("/admin/login/", {"username": "root", "password": PASSWORD})

        assert "Too many failed attempts" in answer.content.decode()

    def test_changing_ones_own_password_ends_ones_logins(self, root, client):
        login = log_in(root)

        answer = client.post(
            "/admin/password_change/",
            {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW},
        )

        assert answer.status_code == 302
        root.refresh_from_db()
        assert root.check_password(NEW)
        login.refresh_from_db()
        assert login.cause == "password_changed"
        assert client.get(LIST).status_code == 200

    def test_changing_it_with_a_wrong_one_changes_nothing(self, root, client):
        answer = client.post(
            "/admin/password_change/",
            {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW},
        )

        assert "The current password is not right" in answer.content.decode()
        root.refresh_from_db()
        assert root.check_password(PASSWORD)


class TestUserPages:
    def test_list_shows_who_is_who(self, client):
        UserFactory(username="alice", display_name="Alice Liddell")
        UserFactory(username="gone", is_active=False)

        text = client.get(LIST).content.decode()

        assert "Alice Liddell" in text
        assert "deactivated" in text
        assert "superuser" in text

    @pytest.mark.parametrize(
        ("query", "found"),
        [("ALI", 1), ("alice@example.org", 1), ("Liddell", 1), ("nobody", 0), ("\u0661", 0)],
    )
    def test_list_is_searched(self, query, found, client):
        UserFactory(username="alice", email="alice@example.org", display_name="Alice Liddell")

        answer = client.get(LIST, {"q": query})

        assert answer.context["cl"].result_count == found

    def test_list_is_searched_by_id(self, client):
        alice = UserFactory(username="alice")

        assert client.get(LIST, {"q": str(alice.pk)}).context["cl"].result_count == 1

    def test_page_shows_the_logins_and_edits_nothing(self, client):
        alice = UserFactory(username="alice")
        log_in(alice)
        url = reverse("admin:accounts_user_change", args=[alice.pk])

        answer = client.get(url)
        refused = client.post(url, {"username": "mallory"})

        assert answer.status_code == 200
        assert "Set a new password" in answer.content.decode()
        assert 'name="username"' not in answer.content.decode()
        assert refused.status_code == 403
        alice.refresh_from_db()
        assert alice.username == "alice"

    @pytest.mark.parametrize("page", ["add/", "{pk}/delete/"])
    def test_nobody_is_added_or_deleted_here(self, page, root, client):
        assert client.get(LIST + page.format(pk=root.pk)).status_code == 403


class TestUserActions:
    def test_deactivate_and_reactivate(self, client, root):
        alice = UserFactory(username="alice")

        assert act(client, "deactivate", alice).status_code == 200
        alice.refresh_from_db()
        assert alice.is_active is False
        entry = AuditEntry.objects.get()
        assert (entry.actor_id, entry.reason) == (root.pk, "Because.")
        act(client, "reactivate", alice)
        alice.refresh_from_db()
        assert alice.is_active is True

    def test_ask_for_a_reason(self, client):
        alice = UserFactory()

        act(client, "deactivate", alice, reason=" ")

        alice.refresh_from_db()
        assert alice.is_active is True

    def test_end_logins(self, client):
        login = log_in(UserFactory(username="alice"))

        act(client, "end_logins", login.user)

        login.refresh_from_db()
        assert login.cause == "revoked_by_staff"

    def test_rights_are_given_and_taken(self, client):
        alice = UserFactory(username="alice")

        for action, rights in (
            ("make_staff", (True, False)),
            ("make_superuser", (True, True)),
            ("take_rights", (False, False)),
        ):
            act(client, action, alice)
            alice.refresh_from_db()
            assert (alice.is_staff, alice.is_superuser) == rights

    def test_the_last_superuser_stays(self, client, root):
        answer = act(client, "take_rights", root)

        assert "The last active superuser must stay one" in answer.content.decode()
        root.refresh_from_db()
        assert root.is_superuser is True

    @pytest.mark.parametrize("action", ["make_staff", "make_superuser", "take_rights"])
    @pytest.mark.usefixtures("root")
    def test_rights_are_for_superusers_to_give(self, action, helper):
        act(client_of_staff(helper), action, helper)

        helper.refresh_from_db()
        assert (helper.is_staff, helper.is_superuser) == (True, False)

    def test_staff_may_deactivate_users_but_no_superuser(self, helper, root):
        User.objects.create_superuser("other")
        alice = UserFactory(username="alice")

        answer = act(client_of_staff(helper), "deactivate", alice, root)

        assert "You may not do this" in answer.content.decode()
        assert User.objects.get(pk=alice.pk).is_active is False
        assert User.objects.get(pk=root.pk).is_active is True


class TestSetPassword:
    def url(self, user):
        return reverse("admin:accounts_user_password", args=[user.pk])

    def send(self, client, user, **changes):
        body = {"new_password1": NEW, "new_password2": NEW, "reason": "Asked by phone.", **changes}
        return client.post(self.url(user), body)

    def test_sets_it_and_ends_the_logins(self, client, root):
        login = log_in(UserFactory(username="alice"))
        assert client.get(self.url(login.user)).status_code == 200

        answer = self.send(client, login.user)

        assert answer.status_code == 302
        assert User.objects.get(pk=login.user.pk).check_password(NEW)
        login.refresh_from_db()
        assert login.cause == "password_changed"
        entry = AuditEntry.objects.get()
        assert (entry.actor_id, entry.reason) == (root.pk, "Asked by phone.")

    @pytest.mark.parametrize(
        "changes", [{"reason": ""}, {"new_password2": "other"},
                    {"new_password1": "short", "new_password2": "short"}],
    )  # fmt: skip
    def test_refuses_what_is_incomplete_or_weak(self, changes, client):
        alice = UserFactory(username="alice")

        assert self.send(client, alice, **changes).status_code == 200
        assert User.objects.get(pk=alice.pk).check_password(PASSWORD)

    def test_is_for_superusers(self, helper, root):
        answer = self.send(client_of_staff(helper), root)

        assert answer.status_code == 403
        assert User.objects.get(pk=root.pk).check_password(PASSWORD)

    @pytest.mark.parametrize("key", ["00000000-0000-7000-8000-000000000000", "x"])
    def test_of_nobody_is_404(self, key, client):
        assert client.get(f"{LIST}{key}/password/").status_code == 404


class TestLoginPages:
    def test_list_and_page_show_what_is_known(self, client):
        login = log_in(UserFactory(username="alice"))

        assert "alice" in client.get(LOGINS).content.decode()
        assert client.get(f"{LOGINS}{login.pk}/change/").status_code == 200
        assert client.get(LOGINS, {"q": "ali"}).context["cl"].result_count == 1

    def test_a_login_is_ended(self, client):
        alice = UserFactory(username="alice")
        one, other = log_in(alice), log_in(alice)

        act(client, "end", one, url=LOGINS)

        one.refresh_from_db()
        other.refresh_from_db()
        assert (one.cause, other.cause) == ("revoked_by_staff", "")
