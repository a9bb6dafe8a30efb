"""Models as staff see them, with a month of rows, in a headless Chromium: light, dark, two widths.

As tests/browser/test_pages.py: `make test-browser`, pictures in the folder of BROWSER_PICTURES.
"""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.urls import reverse

from apps.accounts.models import User
from apps.ml_models.models import (
    ModelVersion,
    Promotion,
    Replay,
    ServedVersion,
    ServingProcess,
    TrafficSplit,
)
from core.ids import uuid7
from tests.factories.lifecycle import make_pair, rejected_row, stage_lifecycle

sync_api = pytest.importorskip("playwright.sync_api", reason="make test-browser installs it")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
PICTURES = os.environ.get("BROWSER_PICTURES")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
WIDTHS = (1440, 900)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; set CHROMIUM"),
]


@pytest.fixture
def staged(client):
    """Two versions with all there is of them, a rejected one, and two processes; a login."""
    admin = User.objects.create_superuser("ada", password="x" * 20)
    champion, candidate = make_pair()
    stage_lifecycle(champion, candidate, admin)
    rejected_row("churn", 3, admin)
    serve(champion, candidate)
    client.force_login(admin)
    return SimpleNamespace(session=client.cookies["sessionid"].value, pages=pages())


def serve(*versions):
    for pid in (4111, 4112):
        process = ServingProcess.objects.create(
            id=uuid7(),
            role="web",
            host="web1",
            pid=pid,
            generation=7,
            rss_bytes=310 * 1024**2,
            budget_bytes=64 * 1024**2,
            loaded_bytes=21 * 1024**2,
            loads=5,
        )
        for version in versions:
            ServedVersion.objects.create(
                process=process,
                version=version,
                state="available",
                engine="litert",
                bytes=12 * 1024**2,
                measured_bytes=9 * 1024**2 + version.number * 1024**2,
                warm_up_ms=84.0,
            )


@pytest.fixture
def browser():
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def live(staged, live_server, browser):
    """Opens a page; the browser may complain of nothing, and nothing may be cut.

    Rows are made before the browser starts: its driver runs an event loop in this thread.
    """

    def visit(path, name, width, scheme):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.add_cookies(
            [{"name": "sessionid", "value": staged.session, "url": live_server.url}]
        )
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

    return visit


def change(row):
    return reverse(f"admin:ml_models_{row._meta.model_name}_change", args=[row.pk])


def act(row, name, query=""):
    return reverse(f"admin:ml_models_{row._meta.model_name}_act", args=[row.pk, name]) + query


def pages():
    """Name and path of each page of the staged model."""
    champion, candidate, rejected = ModelVersion.objects.order_by("number")
    model, promotion = champion.model, Promotion.objects.get()
    canary = TrafficSplit.objects.get(kind="canary", state="active")
    shadow = TrafficSplit.objects.get(kind="shadow")
    return {
        "index": reverse("admin:index"),
        "model": change(model),
        "version": change(candidate),
        "rejected": change(rejected),
        "promotion": change(promotion),
        "replay": change(Replay.objects.get()),
        "canary": change(canary),
        "shadow": change(shadow),
        "process": change(ServedVersion.objects.first().process),
        "processes": reverse("admin:ml_models_servingprocess_changelist"),
        "predictions": reverse("admin:ml_models_loggedprediction_changelist"),
        "promote": act(model, "promote"),
        "promote-gate": act(model, "promote", "?alias=champion&version=2"),
        "set-canary": act(model, "set_canary"),
        "roll-back": act(model, "roll_back", "?alias=champion"),
        "archive": act(model, "archive"),
    }


class TestModelPages:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", WIDTHS)
    def test_fit_their_window_and_nothing_is_blocked(self, staged, live, width, scheme):
        shown = {name: live(path, name, width, scheme) for name, path in staged.pages.items()}

        assert "Who answers" in shown["model"]
        assert "Model card" in shown["version"]
        assert "class_not_allowed" in shown["rejected"]
        assert "The numbers" in shown["replay"]
