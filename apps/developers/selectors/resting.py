"""Which applications may neither call nor be called at the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from apps.developers.models import Application

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID


def resting_among(application_ids: Iterable[UUID]) -> set[UUID]:
    """Those of them that are suspended or closed, or whose owner is deactivated.

    Args:
        application_ids: best as a query of ids, which then becomes a part of the statement.
    """
    rows = Application.objects.filter(pk__in=application_ids)
    resting = ~Q(status=Application.Status.ACTIVE) | Q(owner__is_active=False)
    return set(rows.filter(resting).values_list("pk", flat=True))
