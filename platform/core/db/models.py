"""BaseModel: what every public row has, from its first migration on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models import F
from django.db.models.functions import Now

from core.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models.base import ModelBase

Row_co = TypeVar("Row_co", bound=models.Model, covariant=True)


class BaseQuerySet(models.QuerySet[Row_co]):
    """Bulk updates move `row_version` and `updated_at` as saves do."""

    def update(self, **values: Any) -> int:  # noqa: ANN401 - Django's own signature
        values.setdefault("row_version", F("row_version") + 1)
        values.setdefault("updated_at", Now())
        return super().update(**values)


class BaseModel(models.Model):
    """A row with a UUIDv7 key, times, and a version that each write moves by one.

    `row_version` becomes the strong ETag of RFC 9110 section 8.8.1; the database adds the one, so
    two writers can never make two contents with one number.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(
        db_default=Now(), editable=False, help_text="When the row was made (UTC)."
    )
    updated_at = models.DateTimeField(
        db_default=Now(), editable=False, help_text="When the row was last written (UTC)."
    )
    row_version = models.PositiveBigIntegerField(
        default=1, editable=False, help_text="Moves by one at each write; the ETag."
    )

    objects = BaseQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Insert, or update and take over what the database made of version and time."""
        if self._state.adding:
            super().save(force_insert=force_insert, using=using, update_fields=update_fields)
            return
        names = None if update_fields is None else {*update_fields, "row_version", "updated_at"}
        self.row_version = F("row_version") + 1
        self.updated_at = Now()
        super().save(force_update=force_update, using=using, update_fields=names)
        self.refresh_from_db(using=using, fields=["row_version", "updated_at"])

    def reload_for_update(self) -> Self:
        """The same row, read again under a lock that lets foreign keys to it pass."""
        manager = type(self)._base_manager  # noqa: SLF001 - Django's documented accessor
        return manager.select_for_update(no_key=True).get(pk=self.pk)
