"""Which sides there are, what they share, and how each gets its credential."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import bench
import credentials
import pytest
from agora_side import Agora
from credentials import Credential, by_api_key, by_oauth_token
from lineup import NAMES, make_sides
from sides import SideError

ANSWERS = {
    "/api/v1/login": {"access": "jwt"},
    "/api/v1/applications": {"id": "7"},
    "/api/v1/applications/7/keys": {"key": "sk_1"},
    "/api/v1/applications/7/oauth-clients": {"client_id": "an id", "client_secret": "a:b"},
    "/oauth/token": {"access_token": "oat_1", "token_type": "Bearer"},
}


class Handler(BaseHTTPRequestHandler):
    """What the platform answers to a developer who makes credentials."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.seen.append((self.path, self.headers["Authorization"], body))
        answer = json.dumps(ANSWERS[self.path]).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.metrics)))
        self.end_headers()
        self.wfile.write(self.server.metrics)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.status, server.metrics = [], 200, b""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def platform(server, tmp_path):
    platform = Agora(tmp_path, what="under test")
    platform.port = server.server_address[1]
    return platform


def test_a_run_has_every_side_unless_told_otherwise(tmp_path):
    assert bench.arguments([]).sides == list(NAMES)
    assert [side.name for side in make_sides(tmp_path, NAMES)] == list(NAMES)


def test_an_unknown_side_is_refused(capsys):
    with pytest.raises(SystemExit):
        bench.arguments(["--sides", "agora,django"])
    assert "no such side: django" in capsys.readouterr().err


def test_the_kinds_of_credential_share_one_platform(tmp_path):
    jwt, key, oauth = make_sides(tmp_path, ["agora", "agora-key", "agora-oauth"])
    assert jwt.port == key.port == oauth.port
    assert jwt.body([[1.0]]) == key.body([[1.0]]) == oauth.body([[1.0]])


def test_an_earlier_commit_runs_its_own_code_on_its_own_state(tmp_path):
    checkout = tmp_path / "before"
    (checkout / "platform" / "embedded").mkdir(parents=True)
    ours, before = make_sides(tmp_path, ["agora"], before=checkout)
    assert (before.name, before.directory) == ("agora-before", checkout)
    assert before.environment["PYTHONPATH"] == f"{checkout / 'platform'}:{checkout}"
    assert before.environment["STATE_DIR"] != ours.environment["STATE_DIR"]
    assert before.port != ours.port


def test_an_earlier_commit_must_be_a_checkout(tmp_path):
    with pytest.raises(SideError, match="is no checkout of this platform"):
        make_sides(tmp_path, ["agora"], before=tmp_path)


def test_an_api_key_is_made_once_through_the_api(server, platform):
    side = by_api_key(platform)
    assert side.headers() == side.headers() == {"Authorization": "Bearer sk_1"}
    assert [(path, who) for path, who, _ in server.seen] == [
        ("/api/v1/login", None),
        ("/api/v1/applications", "Bearer jwt"),
        ("/api/v1/applications/7/keys", "Bearer jwt"),
    ]
    assert json.loads(server.seen[-1][2]) == {"name": "bench", "scopes": ["predictions:create"]}


def test_an_oauth_token_comes_from_client_credentials(server, platform):
    side = by_oauth_token(platform)
    assert side.headers() == {"Authorization": "Bearer oat_1"}
    path, who, body = server.seen[-1]
    # RFC 6749 2.3.1: name and secret are form-encoded before they are joined by a colon.
    assert (path, who) == (
        "/oauth/token",
        f"Basic {base64.b64encode(b'an+id:a%3Ab').decode()}",
    )
    assert body == "grant_type=client_credentials&scope=predictions%3Acreate"


def test_the_next_oauth_token_is_of_the_same_client(server, platform, monkeypatch):
    monkeypatch.setattr(credentials, "TOKEN_AGE", -1.0)  # run out at once
    side = by_oauth_token(platform)
    side.headers()
    side.headers()
    paths = [path for path, _, _ in server.seen]
    assert paths.count("/oauth/token") == 2
    assert paths.count("/api/v1/applications/7/oauth-clients") == 1


def test_a_refused_token_says_how_the_platform_answered(server, platform):
    side = by_oauth_token(platform)
    side.headers()
    server.status = 401
    with pytest.raises(SideError, match="POST /oauth/token answered 401"):
        credentials.token_of_client(platform, "an id", "wrong")


@pytest.mark.parametrize(
    ("metrics", "notes"),
    [
        (b'agora_request_log_lost_total{reason="full"} 0.0\n', []),
        (b"# HELP agora_request_log_lost_total Calls\nagora_other_total 3.0\n", []),
        (
            (
                b'agora_request_log_lost_total{reason="full"} 1200.0\n'
                b'agora_request_log_lost_total{reason="database"} 34.0\n'
            ),
            ["agora: its request log lacks 1,234 calls"],
        ),
    ],
)
def test_calls_that_the_request_log_lost_are_told(server, platform, metrics, notes):
    server.metrics = metrics
    assert platform.notes() == notes


@pytest.mark.parametrize(("lasts", "asked"), [(300.0, 1), (-1.0, 2)])
def test_a_credential_is_used_until_it_is_old(lasts, asked):
    made = []
    credential = Credential(lambda: made.append(1) or f"token {len(made)}", lasts)
    credential.headers()
    assert credential.headers() == {"Authorization": f"Bearer token {asked}"}
    assert len(made) == asked
