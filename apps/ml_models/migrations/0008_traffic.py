import core.ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ml_models", "0007_promotions"),
    ]

    operations = [
        migrations.CreateModel(
            name="TrafficSplit",
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
                ("alias", models.CharField(max_length=64)),
                (
                    "kind",
                    models.CharField(
                        choices=[("canary", "Canary"), ("shadow", "Shadow")], max_length=16
                    ),
                ),
                (
                    "share",
                    models.PositiveSmallIntegerField(
                        help_text="Basis points: 10000 is all of the traffic."
                    ),
                ),
                (
                    "salt",
                    models.CharField(
                        help_text="Mixed into the callers' hash; a new one draws other callers.",
                        max_length=32,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("ended", "Ended"),
                            ("rolled_back", "Rolled back"),
                        ],
                        default="active",
                        max_length=16,
                    ),
                ),
                (
                    "max_error_share",
                    models.FloatField(
                        blank=True,
                        help_text="Share of failed calls (0 to 1) that ends it; empty: any.",
                        null=True,
                    ),
                ),
                (
                    "max_latency_ratio",
                    models.FloatField(
                        blank=True,
                        help_text="Its p95 to the alias's own that ends it, e.g. 2.0; empty: any.",
                        null=True,
                    ),
                ),
                (
                    "max_score_psi",
                    models.FloatField(
                        blank=True,
                        help_text="Population stability index of its scores against the alias's own that ends it.",
                        null=True,
                    ),
                ),
                (
                    "min_calls",
                    models.PositiveIntegerField(
                        default=100,
                        help_text="Calls that it must have answered before it is judged.",
                    ),
                ),
                (
                    "observed",
                    models.JSONField(
                        blank=True, default=dict, help_text="What the guard saw at its last look."
                    ),
                ),
                ("observed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reason",
                    models.CharField(blank=True, help_text="In the actor's words.", max_length=500),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "end_code",
                    models.CharField(blank=True, help_text="Why it ended, stable.", max_length=64),
                ),
                ("end_detail", models.CharField(blank=True, max_length=500)),
                (
                    "base",
                    models.ForeignKey(
                        help_text="The alias's own version; a move of the alias ends the split.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ml_models.modelversion",
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty, when it has ended: the guard, or the platform.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="splits",
                        to="ml_models.registeredmodel",
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="splits",
                        to="ml_models.modelversion",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["model", "alias", "-id"], name="traffic_split_by_alias")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "active")),
                        fields=("model", "alias", "kind"),
                        name="traffic_split_one_active",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["canary", "shadow"])),
                        name="traffic_split_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["active", "ended", "rolled_back"])),
                        name="traffic_split_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("share__gte", 0), ("share__lte", 10000)),
                        name="traffic_split_share",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("version", models.F("base")), _negated=True),
                        name="traffic_split_two_versions",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("end_code", ""), ("ended_at__isnull", True), ("state", "active")
                            ),
                            models.Q(
                                models.Q(("state", "active"), _negated=True),
                                ("ended_at__isnull", False),
                                models.Q(("end_code", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="traffic_split_ended_at",
                    ),
                ],
            },
        ),
    ]
