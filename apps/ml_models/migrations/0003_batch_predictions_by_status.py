from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """For `sort=status`; the table has rows, so they are not kept from being written."""

    atomic = False

    dependencies = [("ml_models", "0002_guards")]

    operations = [
        AddIndexConcurrently(
            model_name="batchprediction",
            index=models.Index(fields=["user", "status", "id"], name="batch_prediction_by_status"),
        ),
    ]
