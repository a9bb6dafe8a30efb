import core.ids
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ml_models", "0006_knowledge"),
    ]

    operations = [
        migrations.CreateModel(
            name="ModelPolicy",
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
                    "four_eyes",
                    models.BooleanField(
                        default=False,
                        help_text="A gated alias moves only when a second person approves.",
                    ),
                ),
                (
                    "gate_metric",
                    models.CharField(
                        blank=True,
                        help_text='Metric compared with the champion\'s, e.g. "auc".',
                        max_length=64,
                    ),
                ),
                ("gate_lower_is_better", models.BooleanField(default=False)),
                (
                    "gate_tolerance",
                    models.FloatField(
                        default=0.0,
                        help_text="How much worse than the champion's it may be, in the metric's unit.",
                    ),
                ),
                (
                    "gate_latency_us",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Microseconds one row may take at validation; empty: any.",
                        null=True,
                    ),
                ),
                (
                    "gate_max_flips",
                    models.FloatField(
                        blank=True,
                        help_text="Share of decisions (0 to 1) that may flip in the newest replay; empty: any, and no replay is needed.",
                        null=True,
                    ),
                ),
                (
                    "decision_threshold",
                    models.FloatField(
                        default=0.5, help_text="A score at or above it is a positive decision."
                    ),
                ),
                (
                    "score_output",
                    models.CharField(
                        blank=True,
                        help_text="The output that holds the score; empty: the first.",
                        max_length=64,
                    ),
                ),
                (
                    "score_index",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Position of the score in that output; empty: the only one, or of several the largest decides.",
                        null=True,
                    ),
                ),
                (
                    "log_share",
                    models.FloatField(
                        default=0.1,
                        help_text="Share of calls (0 to 1) that are written to the prediction log.",
                    ),
                ),
                (
                    "log_days",
                    models.PositiveSmallIntegerField(
                        default=30, help_text="Days that logged predictions are kept."
                    ),
                ),
                (
                    "four_eyes_off_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Who has asked for `four_eyes` to end; it does when a second person asks too.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "model",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policy",
                        to="ml_models.registeredmodel",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "model policies",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("log_share__gte", 0.0), ("log_share__lte", 1.0)),
                        name="model_policy_log_share",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("log_days__gte", 1), ("log_days__lte", 366)),
                        name="model_policy_log_days",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("gate_max_flips__isnull", True),
                            models.Q(("gate_max_flips__gte", 0.0), ("gate_max_flips__lte", 1.0)),
                            _connector="OR",
                        ),
                        name="model_policy_flips",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("gate_tolerance__gte", 0.0), ("gate_tolerance__lte", 1000000000.0)
                        ),
                        name="model_policy_tolerance",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("four_eyes_off_by__isnull", True), ("four_eyes", True), _connector="OR"
                        ),
                        name="model_policy_four_eyes_off",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Promotion",
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
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "Proposed"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="proposed",
                        max_length=16,
                    ),
                ),
                (
                    "gate",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Each check with what was wanted and found.",
                    ),
                ),
                ("gate_passed", models.BooleanField(default=True)),
                (
                    "override_reason",
                    models.CharField(
                        blank=True,
                        help_text="Why a gate that failed does not count.",
                        max_length=500,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True, help_text="In the proposer's words.", max_length=500
                    ),
                ),
                ("decision_reason", models.CharField(blank=True, max_length=500)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "four_eyes",
                    models.BooleanField(
                        default=False, help_text="Whether a second person has, or had, to decide."
                    ),
                ),
                (
                    "rollout_id",
                    models.UUIDField(blank=True, help_text="What the approval started.", null=True),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
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
                        related_name="promotions",
                        to="ml_models.registeredmodel",
                    ),
                ),
                (
                    "proposed_by",
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
                        related_name="promotions",
                        to="ml_models.modelversion",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["model", "-id"], name="promotion_by_model")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["proposed", "approved", "rejected", "withdrawn"])
                        ),
                        name="promotion_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("state", "proposed")),
                            models.Q(
                                models.Q(("state", "proposed"), _negated=True),
                                ("decided_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="promotion_decided_at",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "approved"), _negated=True),
                            ("gate_passed", True),
                            models.Q(("override_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="promotion_override_or_passed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("four_eyes", True), ("state", "approved"), _negated=True),
                            models.Q(
                                ("proposed_by__isnull", False),
                                ("decided_by__isnull", False),
                                models.Q(("proposed_by", models.F("decided_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="promotion_second_person",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "proposed")),
                        fields=("model", "alias"),
                        name="promotion_one_open",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Replay",
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
                    "requested",
                    models.PositiveIntegerField(help_text="Newest logged calls to run, at most."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                (
                    "calls",
                    models.PositiveIntegerField(default=0, help_text="Logged calls that were run."),
                ),
                (
                    "rows",
                    models.PositiveIntegerField(
                        default=0, help_text="Rows in them that the baseline answered."
                    ),
                ),
                (
                    "failed_rows",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Of them, rows that the candidate could not take or answer.",
                    ),
                ),
                (
                    "flips",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Of them, rows that both answered and decided differently.",
                    ),
                ),
                (
                    "mean_difference",
                    models.FloatField(blank=True, help_text="Of scores, absolute.", null=True),
                ),
                (
                    "largest_difference",
                    models.FloatField(blank=True, help_text="Of scores, absolute.", null=True),
                ),
                (
                    "result",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Histogram of differences, decisions by pair, the rows that differ most.",
                    ),
                ),
                (
                    "reason_code",
                    models.CharField(blank=True, help_text="Why it failed, stable.", max_length=64),
                ),
                ("detail", models.CharField(blank=True, max_length=500)),
                ("lease_token", models.UUIDField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "baseline",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ml_models.modelversion",
                    ),
                ),
                (
                    "candidate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replays",
                        to="ml_models.modelversion",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
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
                        related_name="replays",
                        to="ml_models.registeredmodel",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["candidate", "-id"], name="replay_by_candidate"),
                    models.Index(fields=["model", "-id"], name="replay_by_model"),
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "running"])),
                        fields=["state"],
                        name="replay_unfinished",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["queued", "running", "succeeded", "failed"])
                        ),
                        name="replay_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("candidate", models.F("baseline")), _negated=True),
                        name="replay_two_versions",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "rows__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("flips"), "+", models.F("failed_rows")
                                ),
                            )
                        ),
                        name="replay_flips",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lease_token__isnull", False), ("state", "running")),
                            models.Q(
                                models.Q(("state", "running"), _negated=True),
                                ("lease_token__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="replay_leased_while_running",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "failed"), ("reason_code", ""), _connector="XOR"
                        ),
                        name="replay_reason_when_failed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finished_at__isnull", True), ("state__in", ["queued", "running"])
                            ),
                            models.Q(
                                ("finished_at__isnull", False),
                                ("state__in", ["succeeded", "failed"]),
                            ),
                            _connector="OR",
                        ),
                        name="replay_finished_at",
                    ),
                ],
            },
        ),
    ]
