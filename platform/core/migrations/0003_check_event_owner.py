from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    """In a transaction of its own: the scan takes no lock that keeps writers out."""

    dependencies = [
        ("core", "0002_event_owner"),
    ]

    operations = [ValidateConstraint("outboxevent", "outbox_public_is_nobodys")]
