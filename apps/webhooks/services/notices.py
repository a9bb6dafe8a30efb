"""The mail to an owner whose endpoint was switched off by somebody or something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from apps.accounts.services import send_notice
from apps.webhooks.models import WebhookEndpoint

if TYPE_CHECKING:
    from uuid import UUID

Reason = WebhookEndpoint.DisabledReason

WHY: Final = {
    Reason.STAFF: "The platform's staff have switched it off; please ask them why.",
    Reason.FAILURES: "For days, nothing that we sent there has arrived.",
    Reason.GONE: "It answered 410 Gone, which means that it wants to hear of nothing any more.",
}
AGAIN: Final = """Once it works, switch it on again:

    PATCH /api/v1/webhook-endpoints/{id}
    {{"enabled": true}}

What has waited for less than four days is then sent. What is older, and what has happened
since, can be read from GET /api/v1/events for 30 days.
"""
TEXT: Final = """a webhook endpoint of your application {application} is off, so nothing is sent
there any more:

    {id}
    {host}

{why}
"""


def send_disabled_notice(*, endpoint_id: UUID) -> None:
    """To the confirmed address of the owner; nothing when it is on again, or deleted.

    Of the URL only the host is told: the rest may hold a password, and mails lie about.
    """
    rows = WebhookEndpoint.objects.filter(
        deleted_at=None, status=WebhookEndpoint.Status.DISABLED, disabled_reason__in=WHY
    )
    endpoint = rows.select_related("application").filter(pk=endpoint_id).first()
    if endpoint is None:
        return
    reason = Reason(endpoint.disabled_reason)
    text = TEXT.format(
        application=endpoint.application.name,
        id=endpoint.pk,
        host=urlsplit(endpoint.url).hostname,
        why=WHY[reason],
    )
    if reason != Reason.STAFF:
        text += "\n" + AGAIN.format(id=endpoint.pk)
    send_notice(
        user_id=endpoint.application.owner_id, subject="A webhook endpoint is off", text=text
    )
