"""Drift of a version by day: each feature and the score against their references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from apps.ml_models.models import SCORE, DriftReading, DriftReference, ModelVersion
from apps.ml_models.services.predictions.patience import take_time
from apps.ml_models.services.quality.announcing import announce
from apps.ml_models.services.quality.isolating import looked_at_alone
from apps.ml_models.services.quality.pending import unfinished_days
from apps.ml_models.services.quality.samples import (
    ROWS_MIN,
    first_rows,
    rows_of_day,
    samples_of_day,
    watched_features,
)
from apps.ml_models.services.quality.tallying import Tally
from serving.drift import reference_of
from serving.features import FeatureKind
from serving.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from uuid import UUID

    from apps.ml_models.services.quality.samples import Sample

TABLE: Final = "ml_models_driftreading"


def measure_drift(*, now: datetime) -> int:
    """Read each version's days that are not final; how many had rows enough.

    Today counts as far as it has come. A day is final once it was read after its end. Running it
    again tells nobody anything twice. A day that cannot be read is counted and leaves the others
    alone.
    """
    done = 0
    for version_id, day in unfinished_days(TABLE, now=now):
        with looked_at_alone("drift", version_id, day):
            done += bool(read_day(version_id=version_id, day=day, now=now))
    return done


@transaction.atomic
def read_day(*, version_id: UUID, day: date, now: datetime) -> list[DriftReading]:
    """Read one version's drift on one day (UTC), and announce what has drifted.

    The version's row is locked, so that of two at once the second finds what the first announced.

    Returns:
        A reading for each feature with a reference; none on a day with fewer than ROWS_MIN rows.
    """
    take_time()
    version = ModelVersion.objects.select_related("model").get(pk=version_id)
    version = version.reload_for_update()
    signature = Signature.from_document(version.signature)
    rows = rows_of_day(version_id, day)
    if rows < ROWS_MIN:
        return []
    kinds = _kinds(signature)
    references = _references(version, signature, kinds, now)
    tallies = [Tally.of(references[name], is_text=is_text) for name, is_text in kinds.items()]
    for sample in samples_of_day(version_id, day, signature, rows=rows):
        for tally in tallies:
            tally.add(sample)
    readings = [
        tally.reading(day=day, readings=len(kinds), now=now)
        for tally in tallies
        if tally.rows >= ROWS_MIN
    ]
    DriftReading.objects.bulk_create(
        readings,
        update_conflicts=True,
        unique_fields=["version", "day", "feature"],
        update_fields=["rows", "psi", "threshold", "drifted", "counts", "computed_at"],
    )
    announce(version, day)
    return readings


def _kinds(signature: Signature) -> dict[str, bool]:
    """What is read, the score too: by feature, whether it is a category."""
    features = watched_features(signature)
    return {each.name: each.kind is FeatureKind.CATEGORY for _, each in features} | {SCORE: False}


def _references(
    version: ModelVersion, signature: Signature, kinds: Mapping[str, bool], now: datetime
) -> Mapping[str, DriftReference]:
    """By feature; those that nobody declared are fixed, for good, by the first logged rows."""
    known = {row.feature: row for row in DriftReference.objects.filter(version=version)}
    lacking = [name for name in kinds if name not in known]
    if lacking:
        first = first_rows(version.pk, signature)
        made = [_fix(version, name, first, now, categorical=kinds[name]) for name in lacking]
        DriftReference.objects.bulk_create(made)
        known |= {row.feature: row for row in made}
    return known


def _fix(
    version: ModelVersion, feature: str, first: Sample, now: datetime, *, categorical: bool
) -> DriftReference:
    reference = reference_of(first.columns[feature], categorical=categorical)
    return DriftReference(
        version=version,
        feature=feature,
        edges=list(reference.edges),
        counts=list(reference.counts[:-1]),
        rows=first.rows,
        calls=len(first.calls),
        source=DriftReference.Source.FIRST_CALLS,
        created_at=now,
    )
