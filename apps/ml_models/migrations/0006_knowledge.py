import core.ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from core.db.operations import MakeAppendOnly


class Migration(migrations.Migration):
    dependencies = [
        ("ml_models", "0005_rollouts"),
    ]

    operations = [
        migrations.CreateModel(
            name="RegistryTag",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.CharField(max_length=250)),
                ("value", models.CharField(blank=True, max_length=5000)),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tags",
                        to="ml_models.registeredmodel",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tags",
                        to="ml_models.modelversion",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("model", "version", "key"),
                        name="registry_tag_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="VersionCard",
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
                    "description",
                    models.CharField(
                        blank=True, help_text="One or two sentences.", max_length=2000
                    ),
                ),
                (
                    "text",
                    models.TextField(
                        blank=True,
                        help_text="Model card in Markdown: use, limits, data, ethics.",
                        max_length=65536,
                    ),
                ),
                (
                    "training_data_digest",
                    models.CharField(
                        blank=True, help_text="SHA-256 of the training data, hex.", max_length=64
                    ),
                ),
                (
                    "training",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Parameters, rows, times of the training, as declared.",
                    ),
                ),
                (
                    "frameworks",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='Versions it was trained with: {"keras": "3.15.1"}.',
                    ),
                ),
                (
                    "run_id",
                    models.CharField(
                        blank=True,
                        help_text="The experiment's run that made it, as declared.",
                        max_length=64,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        blank=True,
                        help_text="Where it comes from, as declared; never fetched.",
                        max_length=500,
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        help_text="The version it was made from, of this or another model.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ml_models.modelversion",
                    ),
                ),
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="card",
                        to="ml_models.modelversion",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("training_data_digest", ""),
                            ("training_data_digest__regex", "^[0-9a-f]{64}$"),
                            _connector="OR",
                        ),
                        name="version_card_data_digest",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("parent__isnull", True),
                            models.Q(("parent", models.F("version")), _negated=True),
                            _connector="OR",
                        ),
                        name="version_card_other_parent",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="VersionTransition",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "from_state",
                    models.CharField(blank=True, help_text="Empty: it was made.", max_length=16),
                ),
                ("to_state", models.CharField(max_length=16)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("application_id", models.UUIDField(blank=True, null=True)),
                (
                    "reason",
                    models.CharField(blank=True, help_text="In the actor's words.", max_length=500),
                ),
                (
                    "reason_code",
                    models.CharField(
                        blank=True, help_text="Of a rejection, stable.", max_length=64
                    ),
                ),
                (
                    "sha256",
                    models.CharField(
                        blank=True,
                        help_text="SHA-256 of what moved: the upload until it is ready, then the artefact.",
                        max_length=64,
                    ),
                ),
                ("request_id", models.CharField(blank=True, max_length=64)),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the platform itself.",
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
                        related_name="transitions",
                        to="ml_models.modelversion",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["version", "id"], name="version_transition_by_version")
                ],
            },
        ),
        MakeAppendOnly("ml_models_versiontransition"),
    ]
