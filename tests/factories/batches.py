"""Rows, files and looks at batch predictions, for their tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from django.db.models.functions import Now

from apps.ml_models.models import BatchChunk, BatchPrediction
from apps.ml_models.selectors import downloads
from core.models import OutboxEvent

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HEADER = "amount,visits,colour,member\n"


def rows(number):
    colours = ["red", "green", "=blue"]
    return [
        {"amount": i / 4, "visits": i % 1000, "colour": colours[i % 3], "member": i % 2 == 0}
        for i in range(number)
    ]


def csv_of(many):
    lines = [
        f"{row['amount']},{row['visits']},{row['colour']},{str(row['member']).upper()}\n"
        for row in many
    ]
    return (HEADER + "".join(lines)).encode()


def lines_of(download):
    content = b"".join(download.read(0, download.size))
    assert len(content) == download.size
    return [json.loads(line) for line in content.splitlines()]


def results(job):
    return lines_of(downloads.results_of(job))


def errors(job):
    return lines_of(downloads.errors_of(job))


def counts(job):
    return (job.total_rows, job.succeeded_rows, job.failed_rows)


def events():
    rows = OutboxEvent.objects.filter(kind="event", object_type="batch_prediction")
    return list(rows.order_by("position").values_list("type", flat=True))


def expire_leases():
    past = Now() - timedelta(seconds=1)
    BatchChunk.objects.filter(state="running").update(lease_until=past)
    BatchPrediction.objects.exclude(split_token=None).update(split_lease_until=past)
    BatchPrediction.objects.update(offered_at=Now() - timedelta(minutes=1))
