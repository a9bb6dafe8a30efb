"""A third-party program and a person, from the login page to the day the person has enough of it.

The whole authorisation-code flow in a headless Chromium, with the program's receiver on loopback.
`make test-browser` runs it; pictures are left in the folder that BROWSER_PICTURES names.
"""

import base64
import hashlib
import http.server
import json
import os
import secrets
import shutil
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="make test-browser installs it")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
PICTURES = os.environ.get("BROWSER_PICTURES")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
SIZES = {"desktop": (1300, 900), "phone": (390, 844)}
SCOPES = ["models:read", "predictions:create", "profile:read"]
WITHIN = 5  # seconds in which a revocation is known everywhere

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; set CHROMIUM"),
]


class Receiver(http.server.BaseHTTPRequestHandler):
    """The program's own page: where people are sent back to."""

    def do_GET(self):
        if self.path.startswith("/callback"):  # a browser asks for an icon as well
            self.server.seen.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Program</title><p id=done>Thank you.</p>")

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def serving(platform):
    platform._settings.update(ALLOW_LOOPBACK_TARGETS="1", PUBLIC_URL=platform.url)
    platform.start("web")
    platform.wait_ready()
    return platform


@pytest.fixture
def program(serving, receiver):
    """The program of `demo`, as its developer has made it, with a client for phones."""
    developer = serving.client("demo", "demo")
    application = developer.post(
        "/api/v1/applications",
        {
            "name": "Shop assistant",
            "description": "Tells a shop which of its visitors will buy.",
            "website": "https://assistant.example.org",
        },
    ).json()
    made = developer.post(
        f"/api/v1/applications/{application['id']}/oauth-clients",
        {
            "name": "phone",
            "grant": "authorization_code",
            "client_type": "public",
            "redirect_uris": [f"http://127.0.0.1:{receiver.server_port}/callback"],
            "scopes": SCOPES,
        },
    )
    assert made.status == 201, made.text
    return made.json()


@pytest.fixture
def page():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page(viewport={"width": 1300, "height": 900})
        opened.complaints = []
        opened.on(
            "console",
            lambda said: opened.complaints.append(said.text) if said.type == "error" else None,
        )
        yield opened
        browser.close()


def picture(page, name):
    """In every size and both schemes."""
    if not PICTURES:
        return
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            path = Path(PICTURES) / f"{name}-{size}-{scheme}.png"
            page.screenshot(path=path, full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1300, "height": 900})


def post_form(url, form):
    request = urllib.request.Request(url, urlencode(form).encode())  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - likewise
        return json.load(answer)


def status_of_call(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def authorize_url(serving, program, verifier, state="st4te"):
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": program["client_id"],
        "redirect_uri": program["redirect_uris"][0],
        "scope": " ".join(SCOPES),
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{serving.url}/oauth/authorize?{urlencode(query)}"


def log_in(page):
    page.wait_for_selector("input[name=password]")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", "admin")
    page.click("main button[type=submit]")


def received(receiver):
    return {name: values[0] for name, values in parse_qs(urlsplit(receiver.seen[-1]).query).items()}


def test_from_the_login_page_to_a_call_and_back(serving, receiver, program, page):
    verifier = secrets.token_urlsafe(48)

    page.goto(authorize_url(serving, program, verifier))
    log_in(page)
    page.wait_for_selector("button[value=allow]", timeout=20_000)
    picture(page, "consent")
    text = page.inner_text("main")
    assert "Shop assistant wants to act for you" in text
    assert "demo" in text
    assert f"127.0.0.1:{receiver.server_port}" in text
    page.click("button[value=allow]")
    page.wait_for_selector("#done")
    answer = received(receiver)
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("st4te", serving.url)

    tokens = post_form(
        f"{serving.url}/oauth/token",
        {
            "grant_type": "authorization_code",
            "client_id": program["client_id"],
            "redirect_uri": program["redirect_uris"][0],
            "code": answer["code"],
            "code_verifier": verifier,
        },
    )
    call = f"{serving.url}/api/v1/me"
    assert tokens["scope"] == " ".join(SCOPES)
    assert status_of_call(call, tokens["access_token"]) == 200

    page.goto(f"{serving.url}/account/authorizations")
    picture(page, "authorizations")
    page.click("summary")
    page.click("button:has-text('Take access back')")
    page.wait_for_selector("[role=status]")
    picture(page, "authorizations-empty")

    began = time.monotonic()
    while status_of_call(call, tokens["access_token"]) != 401:
        assert time.monotonic() - began < WITHIN
        time.sleep(0.05)
    assert page.complaints == []


def test_a_refusal_goes_back_to_the_program_too(serving, receiver, program, page):
    page.goto(authorize_url(serving, program, "v" * 50))
    log_in(page)
    page.wait_for_selector("button[value=refuse]", timeout=20_000)

    page.click("button[value=refuse]")
    page.wait_for_selector("#done")

    answer = received(receiver)
    assert (answer["error"], answer["state"], answer["iss"]) == (
        "access_denied",
        "st4te",
        serving.url,
    )
    assert page.complaints == []


def test_a_request_that_cannot_be_trusted_leads_nowhere(serving, receiver, program, page):
    url = authorize_url(serving, program, "v" * 50).replace("callback", "evil")

    page.goto(url)
    picture(page, "broken")

    assert "This does not lead on" in page.inner_text("main")
    assert receiver.seen == []
