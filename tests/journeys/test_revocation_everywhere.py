"""What ends a credential holds in every web process within 5 s, also in those that know it."""

import base64
import json
import urllib.parse
from itertools import count

import pytest

from tests.harness.cluster import Platform, copy_state

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

PASSWORD = "correct horse battery staple"  # noqa: S105 - of people who exist in tests alone
WITHIN = 5.0  # seconds, promised
SERVERS = ("web", "web:2")
SUSPEND = (
    "from django.utils import timezone; from apps.developers.services import applications; "
    "applications.suspend_application(application_id='{id}', actor=None, reason='abuse', "
    "now=timezone.now())"
)
DEACTIVATE = (
    "from django.utils import timezone; from apps.accounts import services; "
    "from apps.accounts.models import User; "
    "services.deactivate_user(user_id=User.objects.get(username='{name}').pk, actor=None, "
    "reason='abuse', now=timezone.now())"
)
numbers = count(1)


@pytest.fixture(scope="module")
def running(prepared_state, tmp_path_factory):
    folder = tmp_path_factory.mktemp("revocation") / "a platform"
    copy_state(prepared_state, folder)
    with Platform(folder) as platform:
        platform.start(*SERVERS)
        for web in SERVERS:
            platform.wait_ready(web=web)
        yield platform


class Developer:
    """Somebody new with an application, a key, an OAuth token and a login."""

    def __init__(self, platform):
        self.platform = platform
        self.name = f"developer-{next(numbers)}"
        anyone = platform.client()
        made = anyone.post("/api/v1/register", {"username": self.name, "password": PASSWORD})
        assert made.status == 201, made.text
        self.person = platform.client(self.name, PASSWORD)
        self.login = self.person.token
        self.application = self.made("/applications", {"name": "Shop"})["id"]
        scopes = ["usage:read", "profile:read"]
        key = self.made(f"{self.at}/keys", {"name": "k", "scopes": scopes})
        self.key, self.key_id = key["key"], key["id"]
        self.client = self.made(
            f"{self.at}/oauth-clients",
            {
                "name": "service",
                "grant": "client_credentials",
                "client_type": "confidential",
                "scopes": scopes,
            },
        )
        self.oauth = self.form("/oauth/token", grant_type="client_credentials").json()[
            "access_token"
        ]

    @property
    def at(self):
        return f"/applications/{self.application}"

    def made(self, path, body):
        answer = self.person.post(f"/api/v1{path}", body)
        assert answer.status == 201, answer.text
        return answer.json()

    def form(self, path, **fields):
        pair = f"{self.client['client_id']}:{self.client['client_secret']}".encode()
        return self.platform.client().call(
            "POST",
            path,
            raw=urllib.parse.urlencode(fields).encode(),
            headers={
                "Authorization": f"Basic {base64.b64encode(pair).decode()}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )

    def answers(self, token, path="/api/v1/me"):
        """What both servers say, several times each: (status, code)."""
        found = set()
        for web in SERVERS:
            client = self.platform.client(web=web)
            for _ in range(3):
                answer = client.get(path, Authorization=f"Bearer {token}")
                code = json.loads(answer.body).get("code", "") if answer.status >= 400 else ""
                found.add((answer.status, code))
        return found

    def soon(self, token):
        """The same as soon as no answer is good any more, and at the latest after 5 s."""
        self.platform.wait_until(
            lambda: all(status >= 400 for status, _ in self.answers(token)), seconds=WITHIN
        )
        return self.answers(token)


@pytest.fixture
def developer(running):
    made = Developer(running)
    for token in (made.login, made.key, made.oauth):  # warm in both
        assert made.answers(token) == {(200, "")}
    return made


class TestWithinFiveSeconds:
    def test_a_deactivated_user_has_no_credential_left(self, running, developer):
        running.manage("shell", "--no-imports", "-c", DEACTIVATE.format(name=developer.name))

        for token in (developer.login, developer.key, developer.oauth):
            assert {status for status, _ in developer.soon(token)} == {401}

    def test_a_changed_password_ends_the_logins_and_leaves_keys_alone(self, developer):
        body = {"current_password": PASSWORD, "new_password": "another horse entirely"}
        assert developer.person.post("/api/v1/me/password", body).status == 200

        assert developer.soon(developer.login) == {(401, "token_revoked")}
        assert developer.answers(developer.key) == {(200, "")}
        assert developer.answers(developer.oauth) == {(200, "")}

    def test_a_revoked_key_dies_alone(self, developer):
        path = f"/api/v1{developer.at}/keys/{developer.key_id}"
        assert developer.person.delete(path).status == 204

        assert developer.soon(developer.key) == {(401, "token_revoked")}
        assert developer.answers(developer.oauth) == {(200, "")}
        assert developer.answers(developer.login) == {(200, "")}

    def test_a_revoked_oauth_token_dies_alone(self, developer):
        assert developer.form("/oauth/revoke", token=developer.oauth).status == 200

        assert {status for status, _ in developer.soon(developer.oauth)} == {401}
        assert developer.answers(developer.key) == {(200, "")}

    def test_a_suspended_application_is_out_and_its_owner_is_not(self, running, developer):
        suspend = SUSPEND.format(id=developer.application)
        running.manage("shell", "--no-imports", "-c", suspend)

        assert developer.soon(developer.key) == {(403, "application_suspended")}
        assert developer.soon(developer.oauth) == {(403, "application_suspended")}
        assert developer.answers(developer.login) == {(200, "")}

    def test_a_scope_taken_away_is_missing(self, developer):
        path = f"/api/v1{developer.at}/keys/{developer.key_id}"
        tag = developer.person.get(path).headers["ETag"]
        changed = developer.person.patch(path, {"scopes": ["usage:read"]}, If_Match=tag)
        assert changed.status == 200, changed.text

        assert developer.soon(developer.key) == {(403, "insufficient_scope")}
        assert developer.answers(developer.key, "/api/v1/me/token") == {(200, "")}

    def test_a_closed_application_is_out(self, developer):
        assert developer.person.delete(f"/api/v1{developer.at}").status == 204

        for token in (developer.key, developer.oauth):
            assert {status for status, _ in developer.soon(token)} == {401}
        assert developer.answers(developer.login) == {(200, "")}
