"""Models as staff see them, with a month of rows, in a headless Chromium: light, dark, two widths.

As tests/browser/test_pages.py: `make test-browser`, pictures in the folder of BROWSER_PICTURES.
"""

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

WIDTHS = (1440, 900)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
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
def live(staged, visit):
    """Rows are made before the browser starts."""

    def opened(path, name, width, scheme):
        return visit(path, session=staged.session, name=name, width=width, scheme=scheme)

    return opened


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
