import core.ids
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from core.db.operations import CreatePartitionedByDay


class Migration(migrations.Migration):
    dependencies = [
        ("ml_models", "0008_traffic"),
    ]

    operations = [
        CreatePartitionedByDay(
            name="LoggedPrediction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7,
                        editable=False,
                        help_text="The answer's prediction_id.",
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.DateField(help_text="UTC; the partition; that of the id.")),
                ("at", models.DateTimeField(help_text="When the answer was ready (UTC).")),
                ("model_id", models.UUIDField()),
                (
                    "version",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="The version that answered. A way to its name, not a constraint.",
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="ml_models.modelversion",
                    ),
                ),
                (
                    "alias",
                    models.CharField(
                        blank=True, help_text="Empty: asked for by number.", max_length=64
                    ),
                ),
                (
                    "arm",
                    models.CharField(
                        choices=[
                            ("main", "The alias's own version"),
                            ("canary", "A canary"),
                            ("direct", "A version asked for by number"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "user_id",
                    models.UUIDField(help_text="On whose behalf; empty: erased.", null=True),
                ),
                (
                    "application_id",
                    models.UUIDField(help_text="The calling application, if any.", null=True),
                ),
                (
                    "caller",
                    models.CharField(
                        blank=True,
                        help_text="What the traffic split hashed; empty: erased.",
                        max_length=64,
                    ),
                ),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("rows", models.PositiveIntegerField(help_text="Of the call, logged or not.")),
                (
                    "features",
                    models.JSONField(
                        help_text="Kept rows, each a list in the signature's order; null: erased, or too large.",
                        null=True,
                    ),
                ),
                (
                    "scores",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(),
                        help_text="One a logged row; null: erased or not answered.",
                        null=True,
                        size=None,
                    ),
                ),
                (
                    "classes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveIntegerField(),
                        help_text="Position of the class that each score is of; null: the output is one number.",
                        null=True,
                        size=None,
                    ),
                ),
                (
                    "outputs",
                    models.JSONField(
                        help_text="Whole outputs where a score is not all.", null=True
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        help_text="ok, or the code of what went wrong.", max_length=64
                    ),
                ),
                ("latency_us", models.PositiveIntegerField(help_text="From features to outputs.")),
                (
                    "sampled",
                    models.BooleanField(
                        db_default=True,
                        help_text="Of the random share; no: logged for a canary, a shadow, or since asked for.",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["version_id", "-id"], name="logged_by_version"),
                    models.Index(fields=["model_id", "-id"], name="logged_by_model"),
                    models.Index(fields=["user_id", "-id"], name="logged_by_user"),
                ],
            },
        ),
        CreatePartitionedByDay(
            name="PredictionTruth",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        editable=False,
                        help_text="The prediction_id it is about.",
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.DateField(help_text="UTC; that of the prediction.")),
                ("model_id", models.UUIDField()),
                ("version_id", models.UUIDField()),
                (
                    "truths",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(null=True),
                        help_text="One a row: 0 or 1, a class's position, or a number; null: not known.",
                        size=None,
                    ),
                ),
                ("received_at", models.DateTimeField(help_text="When the last word came (UTC).")),
                ("user_id", models.UUIDField(help_text="Who said so.", null=True)),
                ("application_id", models.UUIDField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["version_id", "day", "received_at"], name="truth_by_version"
                    )
                ],
            },
        ),
        CreatePartitionedByDay(
            name="ShadowPrediction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField(help_text="UTC; that of the prediction it shadows.")),
                ("prediction_id", models.UUIDField()),
                ("split_id", models.UUIDField()),
                ("version_id", models.UUIDField(help_text="The shadow.")),
                (
                    "scores",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(),
                        help_text="One a row; null: it failed.",
                        null=True,
                        size=None,
                    ),
                ),
                (
                    "classes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveIntegerField(),
                        help_text="Position of the class that each score is of; null: the output is one number.",
                        null=True,
                        size=None,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        help_text="ok, or the code of what went wrong.", max_length=64
                    ),
                ),
                (
                    "latency_us",
                    models.PositiveIntegerField(help_text="Its share of the batch it was run in."),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["split_id", "-id"], name="shadow_by_split"),
                    models.Index(fields=["prediction_id"], name="shadow_by_prediction"),
                ],
            },
        ),
    ]
