import core.ids
import django.contrib.postgres.fields
import django.core.serializers.json
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from core.db.operations import CreatePartitionedByDay


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("developers", "0002_default_plan"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                        help_text="When the row was made (UTC).",
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                        help_text="When the row was last written (UTC).",
                    ),
                ),
                (
                    "row_version",
                    models.PositiveBigIntegerField(
                        default=1, editable=False, help_text="Moves by one at each write; the ETag."
                    ),
                ),
                (
                    "url",
                    models.CharField(help_text="https, without user or fragment.", max_length=2048),
                ),
                ("description", models.CharField(blank=True, max_length=200)),
                (
                    "event_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100),
                        help_text="Types, families such as batch_prediction.*, or * for all.",
                        size=None,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("enabled", "Enabled"), ("disabled", "Disabled")],
                        default="enabled",
                        max_length=16,
                    ),
                ),
                ("disabled_at", models.DateTimeField(blank=True, help_text="UTC.", null=True)),
                (
                    "disabled_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("owner", "By its owner"),
                            ("staff", "By staff"),
                            ("failures", "Nothing arrived for days"),
                            ("gone", "The receiver answered 410"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "deleted_at",
                    models.DateTimeField(
                        blank=True, help_text="Gone for its owner; its log stays (UTC).", null=True
                    ),
                ),
                (
                    "secret",
                    models.BinaryField(help_text="Signs deliveries; encrypted under WEBHOOK_KEYS."),
                ),
                (
                    "previous_secret",
                    models.BinaryField(
                        blank=True,
                        help_text="Signs beside the new one for a while; encrypted.",
                        null=True,
                    ),
                ),
                (
                    "previous_secret_until",
                    models.DateTimeField(blank=True, help_text="UTC.", null=True),
                ),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="developers.application",
                    ),
                ),
            ],
        ),
        CreatePartitionedByDay(
            name="DeliveryAttempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField(help_text="UTC; the partition.")),
                ("delivery_id", models.UUIDField()),
                ("endpoint_id", models.UUIDField()),
                ("number", models.PositiveSmallIntegerField(help_text="1 is the first try.")),
                (
                    "at",
                    models.DateTimeField(help_text="When it began (UTC); the webhook-timestamp."),
                ),
                (
                    "duration_ms",
                    models.PositiveIntegerField(help_text="Until the answer or the failure."),
                ),
                (
                    "address",
                    models.CharField(
                        blank=True, help_text="The IP address that was connected to.", max_length=45
                    ),
                ),
                (
                    "request_headers",
                    models.JSONField(help_text="As sent; signatures without their secret."),
                ),
                ("response_status", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "response_headers",
                    models.JSONField(default=dict, help_text="As received, capped."),
                ),
                (
                    "response_body",
                    models.TextField(
                        blank=True, help_text="Its start; what is no UTF-8 or a NUL is replaced."
                    ),
                ),
                (
                    "error",
                    models.CharField(
                        blank=True,
                        help_text="Empty: a 2xx answer. Else a code such as timed_out or address_refused.",
                        max_length=32,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["delivery_id", "number"], name="attempt_by_delivery")
                ],
            },
        ),
        migrations.CreateModel(
            name="EndpointHealth",
            fields=[
                (
                    "endpoint",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="health",
                        serialize=False,
                        to="webhooks.webhookendpoint",
                    ),
                ),
                ("is_trusted", models.BooleanField(default=False)),
                (
                    "paused_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="The receiver asked for a pause, or fails (UTC).",
                        null=True,
                    ),
                ),
                (
                    "failing_since",
                    models.DateTimeField(
                        blank=True,
                        help_text="First failure since the last success (UTC).",
                        null=True,
                    ),
                ),
                ("failures_in_a_row", models.PositiveIntegerField(default=0)),
                ("last_success_at", models.DateTimeField(blank=True, help_text="UTC.", null=True)),
                ("last_failure_at", models.DateTimeField(blank=True, help_text="UTC.", null=True)),
            ],
            options={
                "verbose_name_plural": "endpoint health",
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                        help_text="When the row was made (UTC).",
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                        help_text="When the row was last written (UTC).",
                    ),
                ),
                (
                    "row_version",
                    models.PositiveBigIntegerField(
                        default=1, editable=False, help_text="Moves by one at each write; the ETag."
                    ),
                ),
                ("event_id", models.UUIDField(help_text="The webhook-id.")),
                (
                    "event_position",
                    models.BigIntegerField(help_text="Of the event in the log; 0: a test event."),
                ),
                ("event_type", models.CharField(max_length=100)),
                (
                    "object_key",
                    models.CharField(
                        help_text="Type and id of the event's object.", max_length=115
                    ),
                ),
                (
                    "body",
                    models.TextField(
                        help_text="What is sent, byte for byte the same at each try (JSON)."
                    ),
                ),
                (
                    "request_id",
                    models.CharField(
                        blank=True, help_text="X-Request-Id of the cause.", max_length=64
                    ),
                ),
                (
                    "is_test",
                    models.BooleanField(
                        default=False, help_text="Asked for by the endpoint's owner."
                    ),
                ),
                (
                    "is_ordered",
                    models.BooleanField(
                        default=True,
                        help_text="Waits for earlier ones of its object; redeliveries do not.",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(default=0, help_text="Tries that have ended."),
                ),
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        help_text="Not tried before (UTC). While it is under way: not by anybody else before."
                    ),
                ),
                (
                    "lease_token",
                    models.UUIDField(blank=True, help_text="Of whoever is at it.", null=True),
                ),
                (
                    "lease_until",
                    models.DateTimeField(blank=True, help_text="UTC, database's clock.", null=True),
                ),
                ("finished_at", models.DateTimeField(blank=True, help_text="UTC.", null=True)),
                (
                    "last_status",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="HTTP status of the last answer, if there was one.",
                        null=True,
                    ),
                ),
                (
                    "last_error",
                    models.CharField(
                        blank=True,
                        help_text="Code of what the last try failed with.",
                        max_length=32,
                    ),
                ),
                (
                    "redelivers",
                    models.ForeignKey(
                        blank=True,
                        help_text="The delivery that this one repeats.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="webhooks.delivery",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="webhooks.webhookendpoint",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "deliveries",
            },
        ),
        migrations.CreateModel(
            name="EventRecord",
            fields=[
                (
                    "position",
                    models.BigAutoField(
                        help_text="Order of the log.", primary_key=True, serialize=False
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        editable=False, help_text="The webhook-id; stable.", unique=True
                    ),
                ),
                (
                    "type",
                    models.CharField(help_text="e.g. batch_prediction.succeeded.", max_length=100),
                ),
                (
                    "object_type",
                    models.CharField(help_text="e.g. batch_prediction.", max_length=50),
                ),
                (
                    "object_id",
                    models.CharField(help_text="Id of the object it is about.", max_length=64),
                ),
                (
                    "sequence",
                    models.PositiveBigIntegerField(help_text="1, 2, 3 ... of the object's events."),
                ),
                ("schema_version", models.PositiveSmallIntegerField(help_text="Of `data`.")),
                (
                    "data",
                    models.JSONField(
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                        help_text="What receivers get.",
                    ),
                ),
                (
                    "account_id",
                    models.UUIDField(
                        help_text="Whose matter it is; empty: everybody's.", null=True
                    ),
                ),
                (
                    "application_id",
                    models.UUIDField(help_text="The application concerned, if any.", null=True),
                ),
                (
                    "request_id",
                    models.CharField(
                        blank=True, help_text="X-Request-Id of the cause.", max_length=64
                    ),
                ),
                ("occurred_at", models.DateTimeField(help_text="When it was published (UTC).")),
                (
                    "recorded_at",
                    models.DateTimeField(help_text="When the relay handed it on (UTC)."),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account_id", "-position"], name="event_by_account"),
                    models.Index(
                        condition=models.Q(("application_id__isnull", False)),
                        fields=["application_id", "-position"],
                        name="event_by_application",
                    ),
                    models.Index(fields=["recorded_at"], name="event_by_time"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("application_id", None), ("account_id__isnull", False), _connector="OR"
                        ),
                        name="event_application_has_account",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="webhookendpoint",
            index=models.Index(
                condition=models.Q(("deleted_at", None)),
                fields=["application", "-created_at", "-id"],
                name="endpoint_by_application",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("event_types__len__gte", 1)), name="endpoint_has_event_types"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("disabled_at", None), ("disabled_reason", ""), ("status", "enabled")),
                    models.Q(
                        ("disabled_at__isnull", False),
                        ("status", "disabled"),
                        ("disabled_reason__in", ["owner", "staff", "failures", "gone"]),
                    ),
                    _connector="OR",
                ),
                name="endpoint_disabled_for_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("previous_secret", None), ("previous_secret_until", None)),
                    models.Q(
                        ("previous_secret__isnull", False), ("previous_secret_until__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="endpoint_previous_secret_ends",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("state", "pending")),
                fields=["endpoint", "next_attempt_at", "event_position"],
                name="delivery_due",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("is_ordered", True), ("state", "pending")),
                fields=["endpoint", "object_key", "event_position"],
                name="delivery_turn",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("lease_token__isnull", False)),
                fields=["endpoint"],
                name="delivery_under_way",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["endpoint", "-id"], name="delivery_by_endpoint"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("state__in", ["failed", "cancelled"])),
                fields=["endpoint", "-id"],
                name="delivery_undelivered",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["event_id"], name="delivery_by_event"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", False)),
                fields=["finished_at"],
                name="delivery_finished",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_ordered", True), ("is_test", False), ("redelivers", None)),
                fields=("endpoint", "event_id"),
                name="delivery_once_per_endpoint",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at", None), ("state", "pending")),
                    models.Q(
                        ("finished_at__isnull", False),
                        ("lease_token", None),
                        ("state__in", ["succeeded", "failed", "cancelled"]),
                    ),
                    _connector="OR",
                ),
                name="delivery_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("lease_token", None), ("lease_until", None)),
                    models.Q(("lease_token__isnull", False), ("lease_until__isnull", False)),
                    _connector="OR",
                ),
                name="delivery_lease_is_whole",
            ),
        ),
    ]
