"""How endpoints and deliveries look to staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from apps.webhooks.models import Delivery, WebhookEndpoint
from apps.webhooks.selectors.deliveries import attempts_of
from core.admin import pill, pretty_json
from core.admin.display import BLANK

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.utils.safestring import SafeString

    from apps.webhooks.models import DeliveryAttempt
    from core.admin.display import Mood

MOODS: Final[dict[str, Mood]] = {
    Delivery.State.PENDING: "busy",
    Delivery.State.SUCCEEDED: "good",
    Delivery.State.FAILED: "bad",
    Delivery.State.CANCELLED: "",
}
HEADINGS: Final = ("", "When (UTC)", "Took", "Address", "Sent", "Answer", "Headers", "Body")


def endpoint_state(endpoint: WebhookEndpoint) -> SafeString:
    """Deleted, on, or off and why. That of an application at rest is sent nothing either."""
    if endpoint.deleted_at is not None:
        return pill("deleted")
    application = endpoint.application
    if application.status != application.Status.ACTIVE:
        return pill(f"application {application.get_status_display().lower()}")
    if endpoint.status == WebhookEndpoint.Status.ENABLED:
        return pill("on", "good")
    reason = endpoint.disabled_reason
    mood: Mood = "" if reason == WebhookEndpoint.DisabledReason.OWNER else "bad"
    return pill(f"off: {endpoint.get_disabled_reason_display().lower()}", mood)


def endpoint_health(endpoint: WebhookEndpoint) -> SafeString:
    """What deliveries have found out, in a word and a time."""
    health, now = endpoint.health, timezone.now()
    if health.failing_since is not None:
        return pill(f"failing, {health.failures_in_a_row} in a row", "bad")
    if health.paused_until is not None and health.paused_until > now:
        return pill(f"paused until {health.paused_until:%H:%M}Z", "busy")
    if health.last_success_at is None:
        return pill("not tried yet")
    return pill("well", "good") if health.is_trusted else pill("slow, or new", "busy")


def delivery_state(delivery: Delivery) -> SafeString:
    if delivery.state != Delivery.State.PENDING or not delivery.attempts:
        return pill(delivery.state, MOODS[Delivery.State(delivery.state)])
    return pill("trying again", "bad")


def moment(when: datetime | None) -> str:
    """To the second, in UTC, in a width that lists have room for."""
    return BLANK if when is None else f"{when:%Y-%m-%d %H:%M:%S}"


def last_answer(status: int | None, error: str) -> str:
    """Of a try: the status of the answer, or what went wrong before there was one."""
    if status is not None:
        return f"{status}" if not error or error == "status" else f"{status}, {error}"
    return error.replace("_", " ") or BLANK


def link_to(page: str, key: UUID | None, text: str) -> SafeString | str:
    """To the page of an object; a dash where there is none."""
    if key is None:
        return BLANK
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}", args=[key]), text)


def attempts_table(delivery: Delivery) -> SafeString | str:
    """Each try in a line. What a receiver answered is shown as text, whatever it is."""
    tries = attempts_of(delivery)
    if not tries:
        return BLANK
    head = format_html_join("", "<th>{}</th>", ((heading,) for heading in HEADINGS))
    lines = format_html_join("", "<tr>{}</tr>", ((_line(each),) for each in tries))
    return format_html(
        '<table class="tries"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, lines
    )


def _line(attempt: DeliveryAttempt) -> SafeString:
    answer = last_answer(attempt.response_status, attempt.error)
    cells = (
        attempt.number,
        moment(attempt.at),
        f"{attempt.duration_ms:,} ms",
        attempt.address or BLANK,
        _folded("headers", pretty_json(attempt.request_headers)),
        pill(answer, "bad" if attempt.error else "good"),
        _folded("headers", pretty_json(attempt.response_headers)),
        format_html("<pre>{}</pre>", attempt.response_body) if attempt.response_body else BLANK,
    )
    return format_html_join("", "<td>{}</td>", ((cell,) for cell in cells))


def _folded(label: str, content: SafeString | str) -> SafeString:
    return format_html("<details><summary>{}</summary>{}</details>", label, content)
