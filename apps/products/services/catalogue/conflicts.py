"""Unique names: looked for before writing, and caught where somebody was faster."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils.text import slugify

from apps.products.errors.catalogue import SkuTakenError, SlugTakenError
from apps.products.models import Product, Variant
from apps.products.selectors.words import without_accents
from apps.products.services.catalogue.rules import SLUG_MAX, is_id
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from django.db.models import QuerySet

    from core.errors import DomainError

SLUG_ROOM: Final = 12  # characters kept for a hyphen and a number
NAMELESS: Final = "product"  # the slug of a name without any letter that has one


@contextmanager
def taken(part: str, error: Callable[[], DomainError]) -> Iterator[None]:
    """Turn the violation of a unique index into `error`; any other goes on.

    Args:
        part: stands in the names of the indexes meant, e.g. "sku".
        error: makes what is raised instead.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as violation:
        if part not in _constraint_of(violation):
            raise
        raise error() from violation


def _constraint_of(violation: IntegrityError) -> str:
    cause: Any = violation.__cause__
    return getattr(getattr(cause, "diag", None), "constraint_name", None) or ""


def slug_taken(slug: str) -> SlugTakenError:
    fault = FieldError("slug_taken", "Another product has it.", pointer="#/slug")
    return SlugTakenError(f"There is a product {slug} already.", errors=(fault,))


def sku_taken(skus: Sequence[str], places: Sequence[str] = ("",)) -> SkuTakenError:
    """Args: `skus` are those that others have; `places` say where each was sent."""
    faults = tuple(
        FieldError("sku_taken", "Another variant has it.", pointer=f"#{place}/sku")
        for place in places
    )
    return SkuTakenError(f"Taken: {', '.join(skus)}.", errors=faults, skus=list(skus))


def check_skus(
    skus: Sequence[str], *, places: Sequence[str], except_id: UUID | None = None
) -> None:
    """Raises SkuTakenError naming all that other variants have, in whatever case.

    Args:
        skus: as sent.
        places: of each, where it was sent: "" or "/variants/0".
        except_id: the variant that is changed itself.
    """
    folded = Variant.objects.alias(folded=Lower("sku"))
    rows = folded.filter(folded__in=[sku.lower() for sku in skus]).values_list("pk", "sku")
    held = {sku.lower() for variant_id, sku in rows if variant_id != except_id}
    clashes = [(s, p) for s, p in zip(skus, places, strict=True) if s.lower() in held]
    if clashes:
        raise sku_taken([sku for sku, _ in clashes], [place for _, place in clashes])


def free_slug(name: str) -> str:
    """A slug for a product of this name."""
    rows = Product.objects.values_list("slug", flat=True)
    return numbered_slug(name, rows, longest=SLUG_MAX, nameless=NAMELESS)


def numbered_slug(name: str, taken: QuerySet[Any, str], *, longest: int, nameless: str) -> str:
    """A slug made of a name, numbered when others have it: plain-tee, plain-tee-2.

    Args:
        name: of which letters without accents, and digits, are kept.
        taken: the slugs there are.
        longest: characters that a slug may have.
        nameless: the slug of a name without any such letter.
    """
    made = slugify(without_accents(name)).replace("_", "-")
    base = re.sub("-+", "-", made)[: longest - SLUG_ROOM].strip("-") or nameless
    if is_id(base):  # addresses take an id or a slug: one must not be taken for the other
        base = f"{nameless}-{base}"
    pattern = re.compile(rf"{re.escape(base)}(?:-([0-9]{{1,9}}))?")
    found = (pattern.fullmatch(slug) for slug in taken.filter(slug__startswith=base))
    numbers = [int(match[1] or 1) for match in found if match]
    return f"{base}-{max(numbers) + 1}" if numbers else base
