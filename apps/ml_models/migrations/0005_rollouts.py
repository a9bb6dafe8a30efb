import core.ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ml_models", "0004_batch_predictions_by_end"),
    ]

    operations = [
        migrations.AddField(
            model_name="servedversion",
            name="measured_bytes",
            field=models.PositiveBigIntegerField(
                db_default=0, help_text="What loading it added to resident memory; 0: not known."
            ),
        ),
        migrations.AddField(
            model_name="servingprocess",
            name="budget_bytes",
            field=models.PositiveBigIntegerField(
                db_default=0, help_text="What all versions together may take here."
            ),
        ),
        migrations.AddField(
            model_name="servingprocess",
            name="loaded_bytes",
            field=models.PositiveBigIntegerField(
                db_default=0,
                help_text="What the versions in memory take, as measured or estimated.",
            ),
        ),
        migrations.AddField(
            model_name="servingprocess",
            name="loads",
            field=models.PositiveIntegerField(
                db_default=0, help_text="Versions loaded since its start."
            ),
        ),
        migrations.AddField(
            model_name="servingprocess",
            name="retiring",
            field=models.BooleanField(
                db_default=False,
                help_text="Over its soft limit of memory: another takes its place.",
            ),
        ),
        migrations.CreateModel(
            name="Rollout",
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
                        choices=[("promotion", "Promotion"), ("rollback", "Rollback")],
                        default="promotion",
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("loading", "Loading"),
                            ("live", "Live"),
                            ("failed", "Failed"),
                            ("superseded", "Superseded"),
                        ],
                        default="loading",
                        max_length=16,
                    ),
                ),
                (
                    "generation",
                    models.PositiveBigIntegerField(help_text="The routing generation it began in."),
                ),
                (
                    "live_generation",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="The routing generation in which callers got it.",
                        null=True,
                    ),
                ),
                (
                    "required",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Web processes that had to have it warm, at the last look.",
                    ),
                ),
                (
                    "warm",
                    models.PositiveIntegerField(
                        default=0, help_text="Those that had, at the last look."
                    ),
                ),
                (
                    "reason_code",
                    models.CharField(blank=True, help_text="Why it failed, stable.", max_length=64),
                ),
                (
                    "detail",
                    models.CharField(
                        blank=True, help_text="The same in a sentence.", max_length=500
                    ),
                ),
                (
                    "reason",
                    models.CharField(blank=True, help_text="In the actor's words.", max_length=500),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "warm_until",
                    models.DateTimeField(
                        blank=True, help_text="`previous` is kept in memory until then.", null=True
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        help_text="Who moved the alias; empty: the platform itself.",
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
                        related_name="rollouts",
                        to="ml_models.registeredmodel",
                    ),
                ),
                (
                    "previous",
                    models.ForeignKey(
                        blank=True,
                        help_text="Where the alias pointed before; empty: it is new.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ml_models.modelversion",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rollouts",
                        to="ml_models.modelversion",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["model", "alias", "-id"], name="rollout_by_alias"),
                    models.Index(
                        condition=models.Q(("warm_until__isnull", False)),
                        fields=["warm_until"],
                        name="rollout_warm",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "loading")),
                        fields=("model", "alias"),
                        name="rollout_one_loading",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["loading", "live", "failed", "superseded"])
                        ),
                        name="rollout_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "loading")),
                            models.Q(
                                models.Q(("state", "loading"), _negated=True),
                                ("ended_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="rollout_ended_at",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "failed"), ("reason_code", ""), _connector="XOR"
                        ),
                        name="rollout_reason_when_failed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("live_generation__isnull", False), ("state", "live")),
                            models.Q(
                                models.Q(("state", "live"), _negated=True),
                                ("live_generation__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="rollout_live_generation",
                    ),
                ],
            },
        ),
    ]
