"""A headless Chromium that opens pages of the platform and complains of what it must not see."""

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
PICTURES = os.environ.get("BROWSER_PICTURES")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def pytest_runtest_setup(item):
    """Before any row is made for a test that cannot run."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; set CHROMIUM")
    pytest.importorskip("playwright.sync_api", reason="make test-browser installs it")


@pytest.fixture
def chromium():
    """An open browser. Ask for it last: its driver runs an event loop in this thread."""
    from playwright import sync_api

    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(live_server, chromium):
    """Opens a page by its path; the browser may complain of nothing, and nothing may be cut."""

    def open_page(path, *, session, name, width, scheme):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        complaints = []
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.goto(live_server.url + path)
        if PICTURES:
            file = Path(PICTURES) / f"{name}-{width}-{scheme}.png"
            page.screenshot(path=file, full_page=True)
        cut = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        text = page.inner_text("body")
        context.close()
        assert complaints == []
        assert cut <= 0, f"{name} is {cut} pixels wider than its window of {width}"
        return text

    return open_page
