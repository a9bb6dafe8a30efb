"""The page of a product: what sells, what is in stock where, pictures, prices, reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.html import format_html, format_html_join

from apps.products.admin.display import (
    available,
    options_of,
    price_of,
    product_status,
    review_state,
    stars,
    stock_level,
    thumbnail,
)
from core.admin import Panel, pill
from core.admin.charts import day_bars, nothing_yet
from core.admin.display import BLANK, facts, moment, money
from core.admin.objects import act_link, change_url, link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.safestring import SafeString

    from apps.products.models import PriceChange, Product, ProductImage, Review
    from apps.products.selectors.product_page import ProductPage


def product_panels(product: Product, page: ProductPage, *, may_act: bool) -> list[Panel]:
    return [
        Panel("At a glance", _headline(product, page), is_wide=True),
        Panel("Stock", _stock(page, may_act=may_act), is_wide=True),
        Panel("Sold by day", _sold(page), is_wide=True),
        Panel("Pictures", _pictures(page.images)),
        Panel("Prices", _prices(page.prices)),
        Panel("Reviews", _reviews(page.reviews), is_wide=True),
    ]


def _headline(product: Product, page: ProductPage) -> SafeString:
    pieces = sum(available(stock) for stock in page.stocks if stock.warehouse.active)
    sold = sum(count for _, count in page.days)
    return format_html(
        '<p class="headline">{} <b>{}</b> {} {} {}</p>',
        product_status(product),
        price_of(product),
        stars(product.rating, product.rating_count),
        pill(f"{pieces:,} available", "good" if pieces else "bad"),
        pill(f"{sold:,} sold in {len(page.days)} days", ""),
    )


def _stock(page: ProductPage, *, may_act: bool) -> SafeString:
    rows = [
        (
            stock.variant.sku,
            options_of(stock.variant),
            stock.warehouse,
            stock.on_hand,
            stock.reserved,
            stock.safety,
            stock_level(stock),
            format_html(
                "{} {}",
                act_link(stock, "adjust", "Adjust…"),
                act_link(stock, "set_rules", "Rules…"),
            )
            if may_act
            else "",
        )
        for stock in page.stocks
    ]
    without = _without_stock(page, may_act=may_act)
    if not rows:
        return format_html("{}", without or nothing_yet("Its variants are not tracked.", "None."))
    header = ("SKU", "Options", "Warehouse", "On hand", "Reserved", "Safety", "Available", "")
    return format_html("{}{}", facts(header, rows), without)


def _without_stock(page: ProductPage, *, may_act: bool) -> SafeString | str:
    """Variants that lie nowhere, each with the button that puts it somewhere."""
    stocked = {stock.variant_id for stock in page.stocks}
    bare = [v for v in page.variants if v.track_inventory and v.pk not in stocked]
    if not bare:
        return ""
    items = format_html_join(
        " ",
        "{} {}",
        ((v.sku, act_link(v, "receive", "Receive…") if may_act else "") for v in bare),
    )
    return format_html('<p class="nothing"><b>Nowhere in stock:</b> {}</p>', items)


def _sold(page: ProductPage) -> SafeString:
    days, counts = zip(*page.days, strict=True)
    if not any(counts):
        return nothing_yet("Pieces count on the day they are paid.", "Nothing sold yet.")
    return day_bars(label="Pieces sold by day", days=days, series=[("Sold", counts)], noun="pieces")


def _pictures(images: Sequence[ProductImage]) -> SafeString:
    if not images:
        return nothing_yet("They are uploaded through the API.", "No picture yet.")
    shown = format_html_join(
        "",
        '<a href="{}">{}</a>',
        ((change_url(each), thumbnail(each)) for each in images),
    )
    return format_html('<div class="pictures">{}</div>', shown)


def _prices(prices: Sequence[PriceChange]) -> SafeString:
    rows = [
        (
            moment(change.valid_from),
            change.variant.sku,
            money(change.price, change.currency),
            money(change.compare_at_price, change.currency),
            change.changed_by or "the platform",
        )
        for change in prices
    ]
    return facts(("From", "SKU", "Price", "Struck through", "By"), rows)


def _reviews(reviews: Sequence[Review]) -> SafeString:
    rows = [
        (
            link(review, moment(review.created_at)),
            review_state(review),
            f"{review.rating} \N{BLACK STAR}",
            review.author,
            review.title or BLANK,
            review.body[:200] or BLANK,
        )
        for review in reviews
    ]
    if not rows:
        return nothing_yet("Buyers write them.", "No review yet.")
    return facts(("When", "State", "Rating", "By", "Title", "Says"), rows)
