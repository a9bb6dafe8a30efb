from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="outboxevent",
            name="account_id",
            field=models.UUIDField(help_text="Of an event: whose matter it is.", null=True),
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="is_public",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Of an event: everybody may hear of it."
            ),
        ),
        migrations.AlterField(
            model_name="outboxevent",
            name="application_id",
            field=models.UUIDField(help_text="The application concerned, if any.", null=True),
        ),
        AddConstraintNotValid(
            model_name="outboxevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_public", False),
                    models.Q(("account_id", None), ("application_id", None)),
                    _connector="OR",
                ),
                name="outbox_public_is_nobodys",
            ),
        ),
    ]
