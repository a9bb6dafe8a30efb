"""Endpoints and deliveries as staff see them, in a headless Chromium, light and dark.

As tests/browser/test_pages.py: `make test-browser`, pictures in the folder of BROWSER_PICTURES.
"""

import os
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="make test-browser installs it")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
PICTURES = os.environ.get("BROWSER_PICTURES")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
ENDPOINTS = "/api/v1/webhook-endpoints"
HOSTILE = b"<h1>Down</h1><script>document.title = 'taken over'</script>"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; set CHROMIUM"),
]


class Refusing(BaseHTTPRequestHandler):
    """A receiver that answers 500, with a page that would like to run."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(500)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(HOSTILE)))
        self.end_headers()
        self.wfile.write(HOSTILE)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def receiver():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def serving(platform, receiver):
    """An endpoint that refuses: a test event that failed, and an event that is tried again."""
    platform._settings.update(ALLOW_LOOPBACK_TARGETS="1")
    platform.start("web", "relay", "webhooks")
    platform.wait_ready()
    person = platform.client("demo", "demo")
    application = person.post("/api/v1/applications", {"name": "Warehouse"}).json()["id"]
    rules = {"url": f"http://127.0.0.1:{receiver}/agora", "event_types": ["*"]}
    made = person.post(ENDPOINTS, {"application_id": application, **rules})
    assert made.status == 201, made.text
    path = f"{ENDPOINTS}/{made.json()['id']}"
    person.post(f"{path}/test", {})
    rules = {"name": "reader", "scopes": ["events:read"]}
    person.post(f"/api/v1/applications/{application}/keys", rules)
    deadline = time.monotonic() + 30
    while len(tried(person, path)) < 2:
        assert time.monotonic() < deadline, person.get(f"{path}/deliveries").text
        time.sleep(0.2)
    return platform


def tried(person, path):
    rows = person.get(f"{path}/deliveries").json()["results"]
    return [row for row in rows if row["tries"]]


class Visit:
    """A page, and what the browser complained of."""

    def __init__(self, page, url, scheme):
        self.page, self.url, self.scheme, self.complaints = page, url, scheme, []
        page.on("console", self._hear)

    def _hear(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def log_in(self):
        self.page.goto(f"{self.url}/admin/")
        self.page.fill("#id_username", "admin")
        self.page.fill("#id_password", "admin")
        self.page.click("input[type=submit]")
        self.page.wait_for_selector("#user-tools")

    def open(self, path, wait_for, name):
        self.page.goto(self.url + path)
        self.page.wait_for_selector(wait_for, timeout=30_000)  # milliseconds
        self.keep(name)

    def keep(self, name):
        if PICTURES:
            picture = Path(PICTURES) / f"{name}-{self.scheme}.png"
            self.page.screenshot(path=picture, full_page=True)


@pytest.fixture(params=["light", "dark"])
def visit(serving, request):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        viewport = {"width": 1440, "height": 900}
        page = browser.new_page(viewport=viewport, color_scheme=request.param)
        yield Visit(page, serving.url, request.param)
        browser.close()


class TestWebhookPages:
    def test_show_a_failing_endpoint_and_let_staff_send_again(self, visit):
        visit.log_in()
        visit.keep("overview")
        visit.open("/admin/webhooks/webhookendpoint/", "#result_list tbody th a", "endpoints")
        assert "failing, " in visit.page.content()

        visit.page.locator("#result_list tbody th a").first.click()
        visit.page.wait_for_selector("text=its deliveries")
        visit.keep("endpoint")
        visit.page.click("text=its deliveries")
        visit.page.wait_for_selector("#result_list tbody th a")
        visit.keep("deliveries")

        visit.page.locator("tr:has-text('webhook_endpoint.test') th a").click()
        visit.page.wait_for_selector(".tries")
        visit.page.locator(".tries summary").first.click()
        visit.keep("delivery")
        assert "taken over" not in visit.page.title()
        assert "taken over" in visit.page.locator(".tries").inner_text()

        visit.page.go_back()
        visit.page.locator("tr:has-text('webhook_endpoint.test') input.action-select").check()
        visit.page.select_option("select[name=action]", label="Send selected deliveries again")
        visit.page.click("button:has-text('Go')")
        visit.page.fill("[name=reason]", "The receiver was down.")
        visit.page.click("input[name=apply]")
        visit.page.wait_for_selector("text=done for 1 of 1")

        visit.open("/admin/webhooks/webhookendpoint/", "#result_list", "endpoints-again")
        visit.page.locator("input.action-select").first.check()
        label = "Send deliveries of a time again"
        visit.page.select_option("select[name=action]", label=label)
        visit.page.click("button:has-text('Go')")
        visit.page.wait_for_selector("[name=from_at]")
        visit.keep("range")
        assert visit.complaints == []
