import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts import services
from apps.accounts.services import attempts
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

URL = "/account/login"
NEW = "another horse entirely"
WRONG = "These credentials are not right."


@pytest.fixture
def alice():
    return UserFactory(username="alice", email="alice@example.org", confirmed=True)


def log_in(client, username="alice", password=PASSWORD, **more):
    return client.post(URL, {"username": username, "password": password, **more})


def is_known(client):
    return "Logged in as" in client.get(URL).content.decode()


class TestLogIn:
    @pytest.mark.usefixtures("alice")
    @pytest.mark.parametrize("name", ["alice", "ALICE", "Alice@Example.org"])
    def test_opens_a_session_under_a_new_id(self, name):
        client = Client()
        client.get(URL)
        client.session["planted"] = "x"
        before = client.session
        before["planted"] = "x"
        before.save()
        client.cookies["sessionid"] = before.session_key

        answer = log_in(client, name)

        assert (answer.status_code, answer["Location"]) == (302, "/")
        assert client.session.session_key != before.session_key
        assert not type(before)(before.session_key).exists(before.session_key)
        assert is_known(client)

    @pytest.mark.parametrize(
        ("target", "expected"),
        [
            ("/account/authorizations", "/account/authorizations"),
            ("/api/docs?x=1", "/api/docs?x=1"),
            ("https://evil.example/", "/"),
            ("//evil.example/", "/"),
            ("///evil.example/", "/"),
            ("/\\evil.example/", "/"),
            ("\\\\evil.example", "/"),
            ("http:evil.example", "/"),
            ("javascript:alert(1)", "/"),
            ("https://testserver@evil.example/", "/"),
            ("/\t/evil.example", "/"),
            ("", "/"),
        ],
    )
    @pytest.mark.usefixtures("alice")
    def test_leads_on_to_a_page_of_ours_alone(self, target, expected):
        assert log_in(Client(), next=target)["Location"] == expected
        by_query = Client().post(
            f"{URL}?next={target}", {"username": "alice", "password": PASSWORD}
        )
        assert by_query["Location"] == expected

    @pytest.mark.usefixtures("alice")
    def test_leads_on_to_a_consent_by_a_page_of_its_own(self):
        """A redirect after a form may leave this site only as far as the form's policy allows."""
        answer = log_in(Client(), next="/oauth/authorize?client_id=x&scope=a b&state=\"'>")

        text = answer.content.decode()
        assert answer.status_code == 200
        assert (
            '<meta http-equiv="refresh" content="0;url=/oauth/authorize?client_id=x&amp;scope=a b'
            '&amp;state=&quot;&#x27;&gt;">'
        ) in text

    def test_keeps_the_place_to_go_to_through_a_wrong_password(self, alice):
        answer = log_in(Client(), "alice", "wrong", next="/api/docs")

        assert '<input type="hidden" name="next" value="/api/docs">' in answer.content.decode()

    @pytest.mark.parametrize("name", ["alice", "nobody", "gone", "unproved@example.org"])
    def test_says_the_same_to_whoever_is_not_let_in(self, name, alice):
        UserFactory(username="gone", is_active=False)
        UserFactory(username="unproved", email="unproved@example.org")
        client = Client()

        answer = log_in(client, name, PASSWORD if name != "alice" else "wrong")

        text = answer.content.decode()
        assert answer.status_code == 200
        assert text.count(WRONG) == 1
        assert 'role="alert"' in text
        assert not is_known(client)

    @pytest.mark.parametrize("name", ["alice", "nobody", "gone"])
    def test_hashes_once_whoever_is_named(self, name, alice, hashed):
        UserFactory(username="gone", is_active=False)
        hashed.clear()

        log_in(Client(), name, "wrong")

        assert hashed == ["wrong"]

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"password": "x" * 129}, "at most 128 characters"),
            ({"username": "x" * 255}, "at most 254 characters"),
            ({"username": "al\0ice"}, "Null characters are not allowed"),
            ({"password": "\0"}, "Null characters are not allowed"),
            ({"password": ""}, "This field is required"),
        ],
    )
    def test_hashes_nothing_that_cannot_be_a_login(self, fields, words, alice, hashed):
        hashed.clear()

        answer = log_in(Client(), **{"username": "alice", "password": "x", **fields})

        assert words in answer.content.decode()
        assert hashed == []

    def test_without_its_token_is_403(self, alice):
        client = Client(enforce_csrf_checks=True)
        answer = log_in(client)
        client.get(URL)
        elsewhere = client.post(
            URL,
            {
                "username": "alice",
                "password": PASSWORD,
                "csrfmiddlewaretoken": client.cookies["csrftoken"].value,
            },
            headers={"origin": "https://evil.example"},
        )

        assert (answer.status_code, elsewhere.status_code) == (403, 403)
        assert not is_known(client)

    def test_is_in_no_cache(self, alice):
        assert "no-store" in Client().get(URL)["Cache-Control"]


class TestGuessing:
    DOORS = ("api", "admin", "page")

    def try_at(self, door, password, username="boss"):
        body = {"username": username, "password": password}
        if door == "api":
            answer = APIClient().post("/api/v1/login", body)
            return answer.status_code == 200, answer.content.decode()
        answer = Client().post({"admin": "/admin/login/", "page": URL}[door], body)
        return answer.status_code == 302, answer.content.decode()

    @pytest.mark.parametrize("door", DOORS)
    def test_is_counted_together_at_all_doors(self, door):
        UserFactory(username="boss", staff=True)
        for number in range(attempts.ACCOUNT_FAILURES):
            is_in, _ = self.try_at(self.DOORS[number % len(self.DOORS)], "wrong")
            assert not is_in

        is_in, text = self.try_at(door, PASSWORD)

        assert not is_in
        assert "Too many failed attempts. Try again in" in text

    @pytest.mark.parametrize("door", DOORS)
    def test_one_success_opens_the_account_at_all_doors(self, door):
        UserFactory(username="boss", staff=True)
        for _ in range(attempts.ACCOUNT_FAILURES - 1):
            self.try_at("page", "wrong")

        assert self.try_at(door, PASSWORD)[0]

        self.try_at("page", "wrong")
        assert all(self.try_at(other, PASSWORD)[0] for other in self.DOORS)

    def test_forms_from_one_address_are_limited_as_the_api_is(self, settings, alice):
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, "credentials": [("credentials", 3, 60)]}
        from core import plans

        plans.forget()
        APIClient().post("/api/v1/login", {"username": "x", "password": "x"})
        log_in(Client(), "nobody")
        log_in(Client(), "nobody")

        refused = Client().post(
            URL, {"username": "alice", "password": PASSWORD}, headers={"accept": "text/html"}
        )

        assert refused.status_code == 429
        assert int(refused["Retry-After"]) >= 1
        assert refused["Content-Type"].startswith("text/html")
        assert (
            Client(REMOTE_ADDR="192.0.2.1")
            .post(URL, {"username": "alice", "password": PASSWORD})
            .status_code
            == 302
        )


class TestSession:
    def test_ends_at_the_logout_and_only_by_a_post(self, alice):
        client = Client()
        log_in(client)

        assert client.get("/account/logout").status_code == 405
        assert is_known(client)
        answer = client.post("/account/logout")

        assert (answer.status_code, answer["Location"]) == (302, URL)
        assert not is_known(client)

    def test_logout_needs_its_token(self, alice):
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)

        assert client.post("/account/logout").status_code == 403
        assert is_known(client)

    @pytest.mark.parametrize("change", ["password", "deactivation"])
    def test_ends_with_what_it_rests_on(self, change, alice):
        client = Client()
        log_in(client)
        if change == "password":
            services.set_password(
                user_id=alice.pk, password=NEW, actor=None, reason="x", now=timezone.now()
            )
        else:
            services.deactivate_user(user_id=alice.pk, actor=None, reason="x", now=timezone.now())

        assert not is_known(client)

    @pytest.mark.parametrize("what", ["logins ended", "deactivated for a while"])
    def test_is_over_for_good_when_staff_end_it(self, what, alice):
        client, who = Client(), {"user_id": alice.pk, "actor": None, "reason": "x"}
        log_in(client)
        if what == "logins ended":
            services.revoke_logins(**who, now=timezone.now())
        else:
            services.deactivate_user(**who, now=timezone.now())
            services.reactivate_user(**who)

        assert not is_known(client)
        log_in(client)
        assert is_known(client)

    def test_opens_nothing_in_the_api(self, alice):
        client = Client()
        log_in(client)

        assert client.get("/api/v1/me").status_code == 401

    def test_of_somebody_else_is_replaced(self, alice):
        UserFactory(username="bob")
        client = Client()
        log_in(client)
        before = client.session.session_key

        log_in(client, "bob")

        assert client.session.session_key != before
        assert "<b>bob</b>" in client.get(URL).content.decode()
