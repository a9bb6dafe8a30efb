from uuid import uuid4

import pytest

from apps.accounts import selectors
from apps.accounts.errors import InvalidTokenError, UserNotFoundError
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


class TestUserForLogin:
    def test_finds_also_who_is_inactive(self):
        gone = UserFactory(username="gone", is_active=False)

        assert selectors.user_for_login("GONE") == gone

    @pytest.mark.parametrize("name", ["a\0b", "", "@", "nobody"])
    def test_finds_nobody_for_what_is_no_name(self, name):
        assert selectors.user_for_login(name) is None


class TestGetActiveUser:
    def test_does_not_tell_inactive_from_unknown(self):
        gone = UserFactory(is_active=False)

        for user_id in (gone.pk, uuid4()):
            with pytest.raises(UserNotFoundError):
                selectors.get_active_user(user_id)
            with pytest.raises(InvalidTokenError):
                selectors.get_caller(user_id)


class TestAccountsThatKeep:
    def test_names_active_users_whose_password_it_is(self):
        UserFactory(username="Demo")
        UserFactory(username="admin", is_active=False)
        UserFactory(username="other")

        kept = selectors.accounts_that_keep(
            {"demo": PASSWORD, "admin": PASSWORD, "other": "not this one"}
        )

        assert kept == ["Demo"]
