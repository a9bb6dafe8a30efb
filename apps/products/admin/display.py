"""How products, stock and imports look to staff."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Final

from django.utils.html import format_html

from apps.products.models import Product, ProductImport, Reservation, Review
from apps.products.selectors.images import CONTENT_TYPE
from apps.products.selectors.product_page import smallest_bytes
from core.admin import pill
from core.admin.display import BLANK, money, together

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from apps.products.models import ProductImage, Stock, Variant
    from core.admin.display import Mood

PRODUCT_MOODS: Final[dict[str, Mood]] = {
    Product.Status.DRAFT: "busy",
    Product.Status.ACTIVE: "good",
    Product.Status.ARCHIVED: "",
}
RESERVATION_MOODS: Final[dict[str, Mood]] = {
    Reservation.State.ACTIVE: "busy",
    Reservation.State.COMMITTED: "good",
}
IMPORT_MOODS: Final[dict[str, Mood]] = {
    ProductImport.State.SUCCEEDED: "good",
    ProductImport.State.FAILED: "bad",
}


def product_status(product: Product) -> SafeString:
    return pill(product.get_status_display(), PRODUCT_MOODS[product.status])


def reservation_state(reservation: Reservation) -> SafeString:
    mood = RESERVATION_MOODS.get(reservation.state, "")
    return pill(reservation.get_state_display(), mood)


def review_state(review: Review) -> SafeString:
    is_shown = review.state == Review.State.PUBLISHED
    mood: Mood = "good" if is_shown else "bad"
    return pill(review.get_state_display().lower(), mood)


def import_state(row: ProductImport) -> SafeString:
    return pill(row.get_state_display(), IMPORT_MOODS.get(row.state, "busy"))


def price_of(product: Product) -> str:
    """One price, or from the cheapest to the dearest."""
    low = money(product.price_min, product.currency)
    if product.price_min == product.price_max:
        return low
    return f"{low} \N{EN DASH} {money(product.price_max, product.currency)}"


def stars(rating: object, count: int) -> str:
    return together(f"{rating} \N{BLACK STAR} of {count:,}") if count else BLANK


def available(stock: Stock) -> int:
    """What may still be promised from there; never below nothing, as the API says it."""
    return max(0, stock.on_hand - stock.reserved - stock.safety)


def stock_level(stock: Stock) -> SafeString:
    """What is available, as a colour tells it."""
    if stock.backorder:
        return pill("on backorder" if not available(stock) else f"{available(stock):,}", "busy")
    left = available(stock)
    return pill(f"{left:,}", "good") if left else pill("none", "bad")


def options_of(variant: Variant) -> str:
    return ", ".join(f"{name}: {value}" for name, value in variant.options.items()) or BLANK


def thumbnail(image: ProductImage) -> SafeString | str:
    """In the page itself: the API shows pictures of what is not on sale to credentials alone."""
    content = smallest_bytes(image)
    if content is None:
        return "lost"
    source = f"data:{CONTENT_TYPE};base64,{b64encode(content).decode()}"
    return format_html('<img class="thumbnail" src="{}" alt="{}">', source, image.alt)
