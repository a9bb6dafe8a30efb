from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.models import RefreshFamily, RefreshToken, User
from apps.accounts.models.naming import email_key, is_username, normalise, tidy
from tests.factories.accounts import PASSWORD, UserFactory

NOW = timezone.now()


class TestNormalise:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Alice", "alice"),
            ("\uff21\uff2c\uff29\uff23\uff25", "alice"),  # fullwidth
            ("\ufb01ona", "FIONA"),  # the ligature fi
            ("\u212aevin", "kevin"),  # the Kelvin sign
            (" alice\u00a0", "alice"),
            ("stra\u00dfe", "STRASSE"),
        ],
    )
    def test_two_spellings_of_one_name_are_equal(self, one, other):
        assert normalise(one) == normalise(other)

    @given(st.text(max_size=40))
    def test_a_normalised_text_stays_as_it_is(self, text):
        assert normalise(normalise(text)) == normalise(text)

    @given(st.text(max_size=40))
    def test_case_and_compatibility_never_distinguish(self, text):
        assert normalise(tidy(text)) == normalise(text)
        assert normalise(text.casefold()) == normalise(text)


class TestIsUsername:
    @pytest.mark.parametrize("name", ["abc", "a.b-c_d", "0day", "A" * 64])
    def test_follows_the_rule(self, name):
        assert is_username(name) is True

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "ab",
            "a" * 65,
            ".abc",
            "-abc",
            "_abc",
            "a b c",
            "abc\n",
            "a\tbc",
            "a\0bc",
            "\u0430lice",  # Cyrillic a
            "al\u0131ce",  # dotless i
            "a\u200blice",
            "alice@example.org",
            "al\u202eice",
            "\u0661\u0662\u0663",
        ],
    )
    def test_refuses_what_could_be_taken_for_another(self, name):
        assert is_username(name) is False

    @given(st.text(max_size=70))
    def test_what_follows_it_is_ascii_and_its_key_is_lower_case(self, text):
        if is_username(text):
            assert text.isascii()
            assert normalise(text) == text.lower()


class TestEmailKey:
    def test_folds_case_and_writes_the_domain_in_punycode(self):
        assert email_key("Alice@B\u00dcCHER.example") == "alice@xn--bcher-kva.example"
        assert email_key("alice@xn--bcher-kva.example") == "alice@xn--bcher-kva.example"

    def test_of_no_address_is_empty(self):
        assert email_key("") == ""

    @pytest.mark.parametrize("address", ["a@b..example", "a@" + "x" * 64 + ".example"])
    def test_refuses_a_domain_that_is_none(self, address):
        with pytest.raises(ValueError, match="label"):
            email_key(address)

    def test_refuses_a_key_longer_than_addresses_may_be(self):
        with pytest.raises(ValueError, match="punycode"):
            email_key("a" * 64 + "@" + ".".join(["\u00fc" * 20] * 9))


@pytest.mark.django_db
class TestUser:
    def test_is_made_with_its_keys(self):
        user = User.objects.create_user(
            " Alice ", "Alice@Example.org", PASSWORD, email_verified_at=NOW
        )

        assert (user.username, user.username_key) == ("Alice", "alice")
        assert (user.email, user.email_key) == ("Alice@Example.org", "alice@example.org")
        assert user.pending_email == ""
        assert user.check_password(PASSWORD)
        assert (user.is_staff, user.is_superuser) == (False, False)

    def test_has_no_address_until_it_is_confirmed(self):
        alice = User.objects.create_user("alice", " Alice@Example.org")
        User.objects.create_user("mallory", "alice@example.org")

        assert (alice.email, alice.email_key) == ("", "")
        assert alice.pending_email == "Alice@Example.org"
        assert not User.objects.owning("alice@example.org").exists()

    def test_is_made_by_the_command_with_an_address_that_waits(self, monkeypatch):
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
        options = {"username": "root", "email": "root@example.org", "interactive": False}
        call_command("createsuperuser", **options, verbosity=0)

        root = User.objects.get()
        assert (root.is_superuser, root.email, root.pending_email) == (True, "", "root@example.org")
        assert root.check_password(PASSWORD)

    def test_a_superuser_is_staff(self):
        user = User.objects.create_superuser("root", password=PASSWORD)

        assert (user.is_staff, user.is_superuser) == (True, True)

    @pytest.mark.parametrize("twin", ["ALICE", "\uff21lice"])
    def test_no_two_have_names_that_differ_in_spelling_alone(self, twin):
        User.objects.create_user("alice")

        with pytest.raises(IntegrityError, match="user_username_key_unique"), transaction.atomic():
            User.objects.create_user(twin)

    def test_no_two_have_one_address(self):
        User.objects.create_user("alice", "alice@example.org", email_verified_at=NOW)

        with pytest.raises(IntegrityError, match="user_email_key_unique"), transaction.atomic():
            User.objects.create_user("mallory", "ALICE@example.org", email_verified_at=NOW)

    def test_many_have_no_address(self):
        User.objects.create_user("alice")
        User.objects.create_user("mallory")

        assert User.objects.filter(email_key="").count() == 2

    @pytest.mark.parametrize(
        ("fields", "constraint"),
        [
            ({"username_key": ""}, "user_username_key_filled"),
            ({"username_key": "ALICE"}, "user_username_key_filled"),
            ({"email": "a@b.example"}, "user_email_key_filled"),
            ({"email_key": "a@b.example"}, "user_email_key_filled"),
            ({"email_verified_at": NOW}, "user_only_confirmed_addresses"),
            (
                {"email": "a@b.example", "email_key": "a@b.example"},
                "user_only_confirmed_addresses",
            ),
        ],
    )
    def test_the_database_refuses_keys_out_of_step(self, fields, constraint):
        user = User.objects.create_user("alice")

        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            User.objects.filter(pk=user.pk).update(**fields)

    def test_a_form_fills_the_keys(self):
        user = User(
            username="Alice", email="A@Example.org", email_verified_at=NOW, password=PASSWORD
        )
        user.full_clean()

        assert (user.username_key, user.email_key) == ("alice", "a@example.org")

    def test_a_form_refuses_an_address_without_a_domain(self):
        with pytest.raises(ValidationError, match="valid email"):
            User(username="alice", email="a@b..example").clean()

    def test_a_session_login_finds_any_spelling(self):
        alice = User.objects.create_user("alice")

        assert User.objects.get_by_natural_key("\uff21LICE") == alice

    @pytest.mark.parametrize("name", ["", None, "alice\0", "nobody", "alice@example.org"])
    def test_a_session_login_finds_nobody_else(self, name):
        User.objects.create_user("alice", "alice@example.org")

        with pytest.raises(User.DoesNotExist):
            User.objects.get_by_natural_key(name)

    def test_each_write_moves_the_row_version(self):
        user = User.objects.create_user("alice")
        user.bio = "Curious."
        user.save(update_fields=["bio"])

        assert user.row_version == 2


@pytest.mark.django_db
class TestRefreshFamily:
    def test_is_ended_with_a_cause_or_not_at_all(self):
        family = _family()
        rows = RefreshFamily.objects.filter(pk=family.pk)

        for fields in ({"revoked_at": NOW}, {"cause": "logout"}):
            with (
                pytest.raises(IntegrityError, match="refresh_family_cause_when_revoked"),
                transaction.atomic(),
            ):
                rows.update(**fields)

    def test_has_one_unused_token_at_most(self):
        family = _family()
        _token(family)

        with pytest.raises(IntegrityError, match="refresh_token_one_unused"), transaction.atomic():
            _token(family)

    def test_goes_with_its_user(self):
        family = _family()
        _token(family)
        family.user.delete()

        assert (RefreshFamily.objects.count(), RefreshToken.objects.count()) == (0, 0)


@pytest.mark.django_db
class TestRefreshToken:
    def test_only_a_used_one_has_a_successor(self):
        family = _family()
        used = _token(family, used_at=NOW)
        token = _token(family)

        with (
            pytest.raises(IntegrityError, match="refresh_token_replaced_when_used"),
            transaction.atomic(),
        ):
            RefreshToken.objects.filter(pk=token.pk).update(replaced_by=used)

    def test_expires_after_it_was_issued(self):
        with (
            pytest.raises(IntegrityError, match="refresh_token_expires_after_issue"),
            transaction.atomic(),
        ):
            _token(_family(), expires_at=NOW)


def _family():
    return RefreshFamily.objects.create(
        user=UserFactory(), last_used_at=NOW, expires_at=NOW + timedelta(days=14)
    )


def _token(family, **fields):
    values = {"issued_at": NOW, "expires_at": NOW + timedelta(days=14), **fields}
    return RefreshToken.objects.create(family=family, digest=b"d" * 32, **values)
