"""What a name, an attribute, an option, a SKU or a price may be, whoever writes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from apps.products.errors.catalogue import InvalidCatalogueError
from core.errors import FieldError
from core.limits import TEXT_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from core.money import Money

NAME_MAX: Final = 200  # characters of a product's or variant's name
DESCRIPTION_MAX: Final = TEXT_MAX
SLUG_MAX: Final = 160  # characters
SKU_MAX: Final = 64  # characters
TAX_CLASS_MAX: Final = 32  # characters
FLAT_NAME_MAX: Final = 60  # characters of an attribute's or option's name
ATTRIBUTES_MAX: Final = 50  # of a product
ATTRIBUTE_MAX: Final = 500  # characters of an attribute's text
OPTIONS_MAX: Final = 10  # of a variant
OPTION_MAX: Final = 200  # characters of an option's text
VARIANTS_MAX: Final = 100  # of a product, the inactive ones too: it is answered with all of them
WEIGHT_MAX: Final = 1_000_000_000  # grams
POSITION_MAX: Final = 1_000_000
EXACT_MAX: Final = 2**53  # JSON's numbers are exact up to here, whoever reads them

SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
# Begins with a letter or digit: a spreadsheet takes "=", "+", "-" and "@" for formulas.
SKU: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+#-]*", re.ASCII)
TAX_CLASS: Final = re.compile(r"[a-z][a-z0-9_-]*", re.ASCII)
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # and lone surrogates

# The longest text of each member.
LENGTHS: Final = {
    "name": NAME_MAX,
    "description": DESCRIPTION_MAX,
    "slug": SLUG_MAX,
    "sku": SKU_MAX,
    "tax_class": TAX_CLASS_MAX,
}
RANGES: Final = {"weight_grams": (0, WEIGHT_MAX), "position": (-POSITION_MAX, POSITION_MAX)}


def check_product(values: Mapping[str, Any]) -> None:
    """Raises InvalidCatalogueError with a field error for each fault of a product's members."""
    faults = [
        *_lengths(values, ""),
        *_blank(values, ""),
        *slug_faults(values.get("slug")),
        *_flat(values.get("attributes"), "/attributes", ATTRIBUTES_MAX, ATTRIBUTE_MAX),
    ]
    _refuse(faults)


def check_variants(variants: Iterable[Mapping[str, Any]]) -> None:
    """The same for the variants of a product that are sent with it, and for what they share."""
    listed = list(variants)
    faults = [
        fault
        for number, values in enumerate(listed)
        for fault in _variant_faults(values, f"/variants/{number}")
    ]
    _refuse([*faults, *_doubled_skus(listed), *_mixed_currencies(listed)])


def check_variant(values: Mapping[str, Any]) -> None:
    """The same for one variant by itself."""
    _refuse(list(_variant_faults(values, "")))


def slug_faults(slug: str | None) -> Iterator[FieldError]:
    """An address in small letters that cannot be taken for an id."""
    if slug is None:
        return
    if SLUG.fullmatch(slug) is None:
        yield FieldError(
            "invalid_slug", "Small letters, digits and single hyphens between.", pointer="#/slug"
        )
    elif is_id(slug):
        yield FieldError("invalid_slug", "This could be an id.", pointer="#/slug")


def price_faults(price: Money, compare_at: Money | None, place: str) -> Iterator[FieldError]:
    """What it cost before is in the same currency, and more."""
    pointer = f"#{place}/compare_at_price"
    if compare_at is None:
        return
    if compare_at.currency != price.currency:
        yield FieldError("mixed_currencies", f"In {price.currency}, as the price.", pointer=pointer)
    elif compare_at.amount <= price.amount:
        yield FieldError("not_above_price", "More than the price, or null.", pointer=pointer)


def refuse_prices(price: Money, compare_at: Money | None) -> None:
    """Raises InvalidCatalogueError when the two do not go together."""
    _refuse(list(price_faults(price, compare_at, "")))


def _refuse(faults: list[FieldError]) -> None:
    if faults:
        raise InvalidCatalogueError("The catalogue cannot take this.", errors=tuple(faults))


def _variant_faults(values: Mapping[str, Any], place: str) -> Iterator[FieldError]:
    yield from _lengths(values, place)
    yield from _patterns(values, place)
    yield from _ranges(values, place)
    yield from _flat(
        values.get("options"), f"{place}/options", OPTIONS_MAX, OPTION_MAX, texts_only=True
    )
    if "price" in values and "compare_at_price" in values:
        yield from price_faults(values["price"], values["compare_at_price"], place)


def _lengths(values: Mapping[str, Any], place: str) -> Iterator[FieldError]:
    for name, longest in LENGTHS.items():
        text = values.get(name)
        if text is not None and len(text) > longest:
            yield FieldError(
                "max_length", f"At most {longest} characters.", pointer=f"#{place}/{name}"
            )
        if text is not None and name != "description" and CONTROL.search(text):
            yield FieldError(
                "forbidden_character", "No control characters.", pointer=f"#{place}/{name}"
            )


def _blank(values: Mapping[str, Any], place: str) -> Iterator[FieldError]:
    if "name" in values and not values["name"].strip():
        yield FieldError("blank", "A product has a name.", pointer=f"#{place}/name")


def _patterns(values: Mapping[str, Any], place: str) -> Iterator[FieldError]:
    if "sku" in values and SKU.fullmatch(values["sku"]) is None:
        detail = "Letters, digits and . _ / + # -, beginning with a letter or digit."
        yield FieldError("invalid_sku", detail, pointer=f"#{place}/sku")
    if "tax_class" in values and TAX_CLASS.fullmatch(values["tax_class"]) is None:
        yield FieldError(
            "invalid_tax_class", "A small letter, then a-z 0-9 _ -.", pointer=f"#{place}/tax_class"
        )


def _ranges(values: Mapping[str, Any], place: str) -> Iterator[FieldError]:
    for name, (least, most) in RANGES.items():
        if name in values and not least <= values[name] <= most:
            yield FieldError("out_of_range", f"From {least} to {most}.", pointer=f"#{place}/{name}")


def _flat(
    values: object, place: str, most: int, longest: int, *, texts_only: bool = False
) -> Iterator[FieldError]:
    """Faults of flat JSON: an object of short names to texts and, unless `texts_only`, scalars."""
    if values is None:
        return
    if not isinstance(values, dict):
        yield FieldError("invalid_type", "This must be an object.", pointer=f"#{place}")
        return
    if len(values) > most:
        yield FieldError("max_length", f"At most {most} names.", pointer=f"#{place}")
        return
    for name, value in values.items():
        pointer = f"#{place}/{name[:FLAT_NAME_MAX].replace('~', '~0').replace('/', '~1')}"
        if not name.strip() or len(name) > FLAT_NAME_MAX or CONTROL.search(name):
            detail = f"1 to {FLAT_NAME_MAX} characters, not blank."
            yield FieldError("invalid_name", detail, pointer=f"#{place}")
        elif (fault := _scalar_fault(value, longest, texts_only=texts_only)) is not None:
            yield FieldError(*fault, pointer=pointer)


def _scalar_fault(value: object, longest: int, *, texts_only: bool) -> tuple[str, str] | None:
    if isinstance(value, str):
        if len(value) > longest:
            return "max_length", f"At most {longest} characters."
        return ("forbidden_character", "No control characters.") if CONTROL.search(value) else None
    if texts_only or not isinstance(value, bool | int | float):
        kinds = "text" if texts_only else "text, a number, true or false"
        return "invalid_type", f"This must be {kinds}."
    if not -EXACT_MAX <= value <= EXACT_MAX:  # NaN too
        return "out_of_range", "A number that JSON can carry exactly."
    return None


def _doubled_skus(variants: list[Mapping[str, Any]]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for number, values in enumerate(variants):
        folded = values["sku"].lower()
        if folded in seen:
            yield FieldError("duplicate", "Each SKU once.", pointer=f"#/variants/{number}/sku")
        seen.add(folded)


def _mixed_currencies(variants: list[Mapping[str, Any]]) -> Iterator[FieldError]:
    active = [(n, v["price"].currency) for n, v in enumerate(variants) if v.get("active", True)]
    for number, currency in active:
        if currency != active[0][1]:
            yield FieldError(
                "mixed_currencies",
                f"All active variants are in one currency: here {active[0][1]}.",
                pointer=f"#/variants/{number}/price/currency",
            )


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
