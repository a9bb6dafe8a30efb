from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_check_event_owner"),
    ]

    operations = [
        migrations.AddField(
            model_name="idempotencykey",
            name="unfinished_until",
            field=models.DateTimeField(
                help_text="Work follows this answer, and another answer; until then at most.",
                null=True,
            ),
        ),
    ]
