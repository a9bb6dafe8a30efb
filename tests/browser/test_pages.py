"""The pages as a person sees them, in a headless Chromium: they render, and nothing is blocked.

`make test-browser` runs them; pictures are left in the folder that BROWSER_PICTURES names.
"""

import os
import shutil
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="make test-browser installs it")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
PICTURES = os.environ.get("BROWSER_PICTURES")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; set CHROMIUM"),
]


@pytest.fixture
def serving(platform):
    platform.start("web")
    platform.wait_ready()
    return platform


class Visit:
    """A page and what the browser complained of while it was shown."""

    def __init__(self, page, url):
        self.page = page
        self.url = url
        self.complaints = []
        page.on("console", self._hear)
        page.on("requestfailed", lambda request: self.complaints.append(request.url))

    def _hear(self, message):
        if message.type == "error":
            self.complaints.append(message.text)

    def open(self, path, wait_for):
        self.page.goto(self.url + path)
        self.page.wait_for_selector(wait_for, timeout=30_000)  # milliseconds
        if PICTURES:
            name = path.strip("/").replace("/", "-") or "home"
            self.page.screenshot(path=Path(PICTURES) / f"{name}.png")

    def log_in(self):
        self.open("/admin/", "#id_username")
        self.page.fill("#id_username", "admin")
        self.page.fill("#id_password", "admin")
        self.page.click("input[type=submit]")
        self.page.wait_for_selector("#user-tools")


@pytest.fixture
def visit(serving):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield Visit(browser.new_page(viewport={"width": 1300, "height": 900}), serving.url)
        browser.close()


class TestDocumentation:
    def test_swagger_ui_shows_every_tag_and_can_try_a_call(self, visit):
        visit.open("/api/docs", ".opblock")

        tags = visit.page.locator(".opblock-tag").all_inner_texts()
        visit.page.locator("#operations-predictions-predict, .opblock-post").first.click()

        names = {tag.strip().partition("\n")[0] for tag in tags}
        assert names >= {"accounts", "models", "predictions"}
        visit.page.wait_for_selector(".try-out__btn")
        assert visit.complaints == []

    def test_redoc_shows_the_operations(self, visit):
        visit.open("/api/redoc", "[data-section-id]")

        assert "Submit a batch prediction" in visit.page.content()
        assert [text for text in visit.complaints if "cdn.redoc.ly" not in text] == []

    def test_the_front_page_leads_to_all_doors(self, visit):
        visit.open("/", "ul.doors")

        assert visit.page.locator("ul.doors a").count() == 6
        assert visit.complaints == []


class TestAdmin:
    def test_the_overview_shows_what_is_served(self, visit):
        visit.log_in()

        figures = dict(
            zip(
                visit.page.locator(".overview .tile span").all_inner_texts(),
                visit.page.locator(".overview .tile b").all_inner_texts(),
                strict=True,
            )
        )
        assert figures["model versions ready"] == "1"
        assert int(figures["processes serving"]) >= 1
        assert visit.complaints == []

    def test_a_version_shows_its_signature_and_metrics(self, visit):
        visit.log_in()
        visit.open("/admin/ml_models/modelversion/", "#result_list tbody th a")

        visit.page.locator("#result_list tbody th a").first.click()
        visit.page.wait_for_selector("text=Signature")

        assert "PageValues" in visit.page.content()
        assert "pr_auc" in visit.page.content()
        assert visit.complaints == []

    def test_an_action_asks_for_a_reason_before_it_acts(self, visit):
        visit.log_in()
        visit.open("/admin/accounts/user/", "#result_list")

        visit.page.locator("tr:has-text('demo') input.action-select").check()
        visit.page.select_option("select[name=action]", label="Deactivate selected users")
        visit.page.click("button:has-text('Go')")
        visit.page.wait_for_selector("[name=reason]")

        assert visit.complaints == []
