from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """For `sort=finished_at`; the table has rows, so they are not kept from being written."""

    atomic = False

    dependencies = [("ml_models", "0003_batch_predictions_by_status")]

    operations = [
        AddIndexConcurrently(
            model_name="batchprediction",
            index=models.Index(
                fields=["user", "finished_at", "id"], name="batch_prediction_by_end"
            ),
        ),
    ]
