import core.ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ml_models", "0010_monitoring"),
    ]

    operations = [
        migrations.CreateModel(
            name="UploadedArtefact",
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
                    "path",
                    models.CharField(help_text="As in mlflow-artifacts:/<path>.", max_length=500),
                ),
                ("sha256", models.CharField(help_text="Of the content, hex.", max_length=64)),
                ("bytes", models.PositiveBigIntegerField()),
                ("application_id", models.UUIDField(blank=True, null=True)),
                (
                    "expires_at",
                    models.DateTimeField(
                        help_text="Forgotten after this unless a version took it."
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["expires_at"], name="uploaded_artefact_expires")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("created_by", "path"), name="uploaded_artefact_path"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")),
                        name="uploaded_artefact_digest",
                    ),
                ],
            },
        ),
    ]
