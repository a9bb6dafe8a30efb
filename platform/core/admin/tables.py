"""Core's tables in the admin: to look at, and two actions for rows that cannot leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import BigIntegerField, F, Func
from django.utils import timezone

from core.admin.actions import reasoned_action
from core.admin.base import AuditedModelAdmin
from core.admin.display import pill, pretty_json, size
from core.errors import ConflictError
from core.models import AuditEntry, IdempotencyKey, OutboxEvent, Revocation
from core.outbox import claims

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


class NotWaitingError(ConflictError):
    """Only a row that waits can be tried again or given up; this one does not wait any more."""

    code = "outbox_row_not_waiting"
    title = "This row is not waiting for another try."


@admin.register(AuditEntry)
class AuditEntryAdmin(AuditedModelAdmin[AuditEntry]):
    list_display = ("created_at", "actor", "action", "object_type", "object_id", "reason")
    list_filter = ("object_type", "created_at")
    search_fields = (
        "object_id__exact",
        "request_id__exact",
        "actor_name__exact",
        "action__startswith",
    )
    search_help_text = "Object id, request id, actor's name, or how the action's name begins."
    ordering = ("-created_at", "-id")
    fields = (
        "created_at",
        "actor",
        "actor_id",
        "application_id",
        "action",
        "object_type",
        "object_id",
        "reason",
        "pretty_before",
        "pretty_after",
        "request_id",
    )
    readonly_fields = fields

    @admin.display(description="Actor", ordering="actor_name")
    def actor(self, entry: AuditEntry) -> str:
        return entry.actor_name or (str(entry.actor_id) if entry.actor_id else "the platform")

    @admin.display(description="Before")
    def pretty_before(self, entry: AuditEntry) -> SafeString | str:
        return pretty_json(entry.before)

    @admin.display(description="After")
    def pretty_after(self, entry: AuditEntry) -> SafeString | str:
        return pretty_json(entry.after)


class OutboxState(admin.SimpleListFilter):
    """Waiting, failing, published."""

    title = "state"
    parameter_name = "state"
    conditions: dict[str, dict[str, Any]] = {
        "waiting": {"published_at": None, "attempts": 0},
        "failing": {"published_at": None, "attempts__gt": 0},
        "published": {"published_at__isnull": False},
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002 - Django's signature
        return [(name, name.capitalize()) for name in self.conditions]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        queryset: QuerySet[OutboxEvent],
    ) -> QuerySet[OutboxEvent]:
        return queryset.filter(**self.conditions.get(self.value() or "", {}))


def is_waiting(row: OutboxEvent) -> bool:
    return row.published_at is None


@admin.register(OutboxEvent)
class OutboxEventAdmin(AuditedModelAdmin[OutboxEvent]):
    list_display = (
        "position",
        "kind",
        "type",
        "object_type",
        "object_id",
        "sequence",
        "state",
        "attempts",
        "created_at",
    )
    list_filter = (OutboxState, "kind", "type")
    search_fields = ("object_id__exact", "request_id__exact", "id__exact", "type__startswith")
    search_help_text = "Object id, request id, event id, or how the type begins."
    ordering = ("-position",)
    exclude = ("payload",)
    readonly_fields = ("state", "pretty_payload")
    actions = object_actions = ("try_again", "give_up")

    @admin.display(description="State")
    def state(self, row: OutboxEvent) -> SafeString:
        if row.published_at is not None:
            return pill("given up", "bad") if row.last_error else pill("published", "good")
        return pill("failing", "bad") if row.attempts else pill("waiting", "busy")

    @admin.display(description="Payload")
    def pretty_payload(self, row: OutboxEvent) -> SafeString | str:
        return pretty_json(row.payload)

    @reasoned_action(
        description="Try the selected rows again now",
        explanation="The relay takes them at its next look, without waiting out their pause.",
        label="Try again now…",
        applies=is_waiting,
    )
    def try_again(self, request: HttpRequest, row: OutboxEvent, reason: str) -> None:  # noqa: ARG002 - the decorator records the reason
        if not claims.retry_now([row.position]):
            raise NotWaitingError

    @reasoned_action(
        description="Give up on the selected rows",
        explanation="They will never be sent, and what waits behind them goes on.",
        label="Give up…",
        is_grave=True,
        applies=is_waiting,
    )
    def give_up(self, request: HttpRequest, row: OutboxEvent, reason: str) -> None:  # noqa: ARG002 - likewise
        if not claims.give_up([row.position]):
            raise NotWaitingError


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(AuditedModelAdmin[IdempotencyKey]):
    """Shows that an answer is kept and how large it is, never the answer: it is its caller's."""

    list_display = (
        "created_at",
        "method",
        "route",
        "key",
        "response_status",
        "answer_size",
        "state",
    )
    list_filter = ("method", "response_status", "route")
    search_fields = ("key__exact", "user_id__exact", "application_id__exact")
    search_help_text = "Key, user id or application id."
    ordering = ("-created_at", "-id")
    fields = (
        "application_id",
        "user_id",
        "method",
        "route",
        "key",
        "response_status",
        "answer_size",
        "created_at",
        "expires_at",
        "state",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdempotencyKey]:
        length = Func(F("response_body"), function="octet_length", output_field=BigIntegerField())
        queryset = super().get_queryset(request).annotate(answer_bytes=length)
        return queryset.defer("response_body", "response_headers", "fingerprint")

    @admin.display(description="Answer", ordering="answer_bytes")
    def answer_size(self, row: Any) -> str:  # noqa: ANN401 - a row with its annotation
        return size(row.answer_bytes)

    @admin.display(description="State")
    def state(self, row: IdempotencyKey) -> SafeString:
        return pill("kept", "good") if row.expires_at > timezone.now() else pill("expired")


@admin.register(Revocation)
class RevocationAdmin(AuditedModelAdmin[Revocation]):
    list_display = ("created_at", "kind", "subject", "not_before", "expires_at", "reason", "state")
    list_filter = ("kind", "reason")
    search_fields = ("subject__exact",)
    search_help_text = "Id of the user, login, credential or application."
    ordering = ("-created_at", "-id")
    readonly_fields = ("state",)

    @admin.display(description="State")
    def state(self, row: Revocation) -> SafeString:
        return pill("in force", "bad") if row.expires_at > timezone.now() else pill("over")
