import pytest

from apps.webhooks.models import shown_url
from apps.webhooks.services import endpoints
from core.models import AuditEntry
from tests.factories.developers import login_of, make_application
from tests.factories.webhooks import make_endpoint


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.org", "https://hooks.example.org"),
        ("https://hooks.example.org/", "https://hooks.example.org"),
        ("https://hooks.example.org/t0ken", "https://hooks.example.org/…"),
        ("https://hooks.example.org:8443/?key=t0ken", "https://hooks.example.org:8443/…"),
        ("https://hooks.example.org?key=t0ken", "https://hooks.example.org/…"),
        ("http://[::1]:8766/t0ken", "http://[::1]:8766/…"),
        ("https://user:t0ken@hooks.example.org/", "https://hooks.example.org"),
    ],
)
def test_shown_url_is_scheme_host_and_port(url, shown):
    assert shown_url(url) == shown


@pytest.mark.django_db
def test_a_change_is_written_down_without_what_may_be_a_token(alice):
    row = make_endpoint(make_application(alice), url="https://hooks.example.org/old-t0ken").row

    endpoints.change_endpoint(
        endpoint_id=row.pk,
        changes={"url": "https://hooks.example.org:8443/t0ken?key=t0ken"},
        check=lambda _: None,
        actor=login_of(alice),
        now=row.created_at,
    )

    entry = AuditEntry.objects.get(action="webhooks.webhook_endpoint.changed")
    assert (entry.before, entry.after) == (
        {"url": "https://hooks.example.org/…"},
        {"url": "https://hooks.example.org:8443/…"},
    )
    row.refresh_from_db()
    assert row.url == "https://hooks.example.org:8443/t0ken?key=t0ken"
