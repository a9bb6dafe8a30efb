import core.ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ml_models", "0009_prediction_log"),
    ]

    operations = [
        migrations.CreateModel(
            name="DriftReading",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField(help_text="UTC; of the predictions.")),
                (
                    "feature",
                    models.CharField(blank=True, help_text="Empty: the score.", max_length=128),
                ),
                ("rows", models.PositiveBigIntegerField()),
                ("psi", models.FloatField(help_text="Population stability index.")),
                (
                    "threshold",
                    models.FloatField(
                        help_text="max(0.1, (1/n + 1/m) times the chi-squared quantile), Bonferroni over features."
                    ),
                ),
                ("drifted", models.BooleanField()),
                ("counts", models.JSONField(help_text="Rows in each bin of the reference.")),
                (
                    "announced",
                    models.BooleanField(default=False, help_text="Whether an event told of it."),
                ),
                (
                    "computed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drift",
                        to="ml_models.modelversion",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["day"], name="drift_reading_by_day")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("version", "day", "feature"), name="drift_reading_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("psi__gte", 0.0)), name="drift_reading_psi"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DriftReference",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "feature",
                    models.CharField(blank=True, help_text="Empty: the score.", max_length=128),
                ),
                (
                    "edges",
                    models.JSONField(
                        help_text="Inner edges of the bins, ascending; for categories the values in order."
                    ),
                ),
                ("counts", models.JSONField(help_text="Rows in each bin.")),
                ("rows", models.PositiveBigIntegerField()),
                (
                    "calls",
                    models.PositiveBigIntegerField(
                        help_text="Calls that the rows came in; null: each row stands for itself.",
                        null=True,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("training", "Declared with the upload"),
                            ("first_calls", "The first logged predictions"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="references",
                        to="ml_models.modelversion",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("version", "feature"), name="drift_reference_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source__in", ["training", "first_calls"])),
                        name="drift_reference_source_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="VersionQuality",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField(help_text="UTC; of the predictions.")),
                ("calls", models.PositiveBigIntegerField(help_text="Logged calls.")),
                ("failed_calls", models.PositiveBigIntegerField(default=0)),
                ("rows", models.PositiveBigIntegerField(help_text="Logged rows with a score.")),
                ("truths", models.PositiveBigIntegerField(help_text="Rows whose truth is known.")),
                (
                    "positives",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Of those, truly positive."
                    ),
                ),
                (
                    "auc",
                    models.FloatField(help_text="Null: not both classes are there.", null=True),
                ),
                ("log_loss", models.FloatField(help_text="In nats.", null=True)),
                (
                    "brier",
                    models.FloatField(help_text="Mean squared error of the score.", null=True),
                ),
                (
                    "calibration_error",
                    models.FloatField(
                        help_text="Expected calibration error over ten equal-width bins.", null=True
                    ),
                ),
                ("mean_score", models.FloatField(null=True)),
                (
                    "bins",
                    models.JSONField(
                        default=list,
                        help_text="Ten bins of the score: rows, truths, positives, sum of scores of known rows.",
                    ),
                ),
                (
                    "latency_us",
                    models.JSONField(default=dict, help_text="p50, p95, p99 of logged calls."),
                ),
                (
                    "computed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="quality",
                        to="ml_models.modelversion",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "version qualities",
                "indexes": [models.Index(fields=["day"], name="version_quality_by_day")],
                "constraints": [
                    models.UniqueConstraint(fields=("version", "day"), name="version_quality_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("auc__isnull", True),
                            models.Q(("auc__gte", 0.0), ("auc__lte", 1.0)),
                            _connector="OR",
                        ),
                        name="version_quality_auc",
                    ),
                ],
            },
        ),
    ]
