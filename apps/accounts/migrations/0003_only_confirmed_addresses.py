"""An address belongs to an account only when it is confirmed; until then it is `pending_email`."""

from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Now


def give_back_unconfirmed(apps, schema_editor):
    """What somebody asked for last, stays what they asked for."""
    unconfirmed = apps.get_model("accounts", "User").objects.filter(email_verified_at=None)
    unconfirmed.exclude(email="").filter(pending_email="").update(pending_email=F("email"))
    unconfirmed.exclude(email="").update(
        email="", email_key="", row_version=F("row_version") + 1, updated_at=Now()
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_sessions_ended_at"),
    ]

    operations = [
        migrations.RunPython(give_back_unconfirmed, migrations.RunPython.noop),
        migrations.RemoveConstraint(
            model_name="user",
            name="user_only_an_address_is_verified",
        ),
        migrations.AlterField(
            model_name="user",
            name="email",
            field=models.EmailField(
                blank=True,
                help_text="E.g. alice@example.org; empty until confirmed.",
                max_length=254,
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="email_verified_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When its owner confirmed the address (UTC); empty while there is none.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=Q(
                    Q(("email", ""), ("email_verified_at", None)),
                    Q(Q(("email", ""), _negated=True), ("email_verified_at__isnull", False)),
                    _connector="OR",
                ),
                name="user_only_confirmed_addresses",
            ),
        ),
    ]
