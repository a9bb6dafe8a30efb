"""Categories, products, variants: what can be found, and what can be bought."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Lower, Now

from core.db.models import BaseModel
from core.db.money import AmountField, CurrencyField
from core.money import AMOUNT_MAX


class Category(BaseModel):
    """A place in the tree that products are found under."""

    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120, unique=True, help_text="In addresses; for life.")
    description = models.TextField(blank=True)
    position = models.IntegerField(default=0, help_text="Among its siblings, ascending.")
    lineage = ArrayField(
        models.UUIDField(),
        editable=False,
        help_text="Ids from the root down to the category itself; written by its service alone.",
    )

    class Meta:
        verbose_name_plural = "categories"
        constraints = [
            models.CheckConstraint(
                name="category_not_its_own_parent",
                condition=Q(parent__isnull=True) | ~Q(parent=F("id")),
            ),
            models.CheckConstraint(
                name="category_depth", condition=Q(lineage__len__gte=1, lineage__len__lte=8)
            ),
        ]
        indexes = [
            GinIndex(fields=["lineage"], name="category_by_lineage"),
            models.Index(fields=["parent", "position", "id"], name="category_by_parent"),
        ]

    def __str__(self) -> str:
        return self.name


class Product(BaseModel):
    """What is shown: a name, a description, pictures; bought is one of its variants.

    Prices and the text to be searched are copies of what its variants and category say, written by
    the services in the transaction that changes those, so that a list needs no join to sort.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        ARCHIVED = "archived", "Archived"

    category = models.ForeignKey(
        Category, null=True, blank=True, on_delete=models.PROTECT, related_name="products"
    )
    slug = models.SlugField(max_length=160, unique=True, help_text="In addresses.")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    attributes = models.JSONField(
        default=dict, blank=True, help_text="Flat: names to texts, numbers or booleans."
    )

    currency = CurrencyField(blank=True, editable=False, help_text="Of its active variants.")
    price_min = AmountField(null=True, editable=False, help_text="Cheapest active variant.")
    price_max = AmountField(null=True, editable=False, help_text="Dearest active variant.")
    price_order = models.GeneratedField(
        expression=Coalesce("price_min", Value(AMOUNT_MAX)),
        output_field=AmountField(),
        db_persist=True,
        help_text="What lists by price go by: without a price, last. An index knows no nulls.",
    )
    search_terms = models.TextField(
        blank=True, editable=False, help_text="SKUs, options, category: found beside the name."
    )
    search = models.GeneratedField(
        expression=(
            SearchVector("name", weight="A", config="simple")
            + SearchVector("name", weight="A", config="english")
            + SearchVector("search_terms", weight="B", config="simple")
            + SearchVector("description", weight="D", config="english")
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    rating_sum = models.PositiveIntegerField(default=0, editable=False)
    rating_count = models.PositiveIntegerField(default=0, editable=False)
    rating = models.DecimalField(
        max_digits=3,
        decimal_places=2,
        default=Decimal(0),
        editable=False,
        help_text="Mean of the published reviews, 1 to 5; 0: none.",
    )
    popularity = models.PositiveIntegerField(
        default=0, editable=False, help_text="Pieces sold in 30 days; counted by a job."
    )
    published_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="First time it was active (UTC)."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="product_status_known",
                condition=Q(status__in=["draft", "active", "archived"]),
            ),
            models.CheckConstraint(
                name="product_prices_ordered",
                condition=Q(price_min__isnull=True, price_max__isnull=True)
                | Q(price_min__gte=0, price_max__gte=F("price_min")),
            ),
            models.CheckConstraint(
                name="product_active_has_price",
                condition=~Q(status="active") | Q(price_min__isnull=False),
            ),
            models.CheckConstraint(
                name="product_price_has_currency",
                condition=Q(price_min__isnull=True, currency="")
                | Q(price_min__isnull=False, currency__regex=r"^[A-Z]{3}$"),
            ),
            models.CheckConstraint(
                name="product_rating_of_reviews",
                condition=Q(rating_sum__gte=F("rating_count"))
                & Q(rating_sum__lte=F("rating_count") * 5),
            ),
        ]
        indexes = [
            GinIndex(fields=["search"], name="product_by_words"),
            GinIndex(
                fields=["attributes"], name="product_by_attributes", opclasses=["jsonb_path_ops"]
            ),
            models.Index(fields=["-id"], name="product_active", condition=Q(status="active")),
            models.Index(
                fields=["category", "-id"],
                name="product_active_by_category",
                condition=Q(status="active"),
            ),
            models.Index(
                fields=["price_order", "id"],
                name="product_active_by_price",
                condition=Q(status="active"),
            ),
            models.Index(
                fields=["name", "id"], name="product_active_by_name", condition=Q(status="active")
            ),
            models.Index(
                fields=["-rating", "-id"],
                name="product_active_by_rating",
                condition=Q(status="active"),
            ),
            models.Index(
                fields=["-popularity", "-id"],
                name="product_active_by_demand",
                condition=Q(status="active"),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Variant(BaseModel):
    """What is bought: one SKU with its options and its price."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="variants")
    sku = models.CharField("SKU", max_length=64, unique=True)
    name = models.CharField(max_length=200, blank=True, help_text="e.g. Red, M; may be empty.")
    options = models.JSONField(default=dict, blank=True, help_text="e.g. colour: red, size: M.")
    price = AmountField(help_text="Of one piece, before tax.")
    compare_at_price = AmountField(
        null=True, blank=True, help_text="What it cost before; shown struck through."
    )
    currency = CurrencyField()
    track_inventory = models.BooleanField(
        default=True, help_text="Off: never out of stock, as a download is."
    )
    active = models.BooleanField(default=True, help_text="May be bought, if its product is active.")
    position = models.IntegerField(default=0, help_text="Among its product's variants, ascending.")
    weight_grams = models.PositiveIntegerField(default=0, help_text="Of one piece; for shipping.")
    tax_class = models.CharField(
        max_length=32, default="standard", help_text="What the tax calculator looks up."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("sku"), name="variant_sku_in_any_case"),
            models.CheckConstraint(name="variant_price_positive", condition=Q(price__gte=0)),
            models.CheckConstraint(
                name="variant_compare_at_above",
                condition=Q(compare_at_price__isnull=True) | Q(compare_at_price__gt=F("price")),
            ),
            models.CheckConstraint(
                name="variant_currency_form", condition=Q(currency__regex=r"^[A-Z]{3}$")
            ),
        ]
        indexes = [
            models.Index(fields=["product", "position", "id"], name="variant_by_product"),
        ]

    def __str__(self) -> str:
        return self.sku


class PriceChange(models.Model):
    """Append-only: what a variant cost from when on. The first is written with the variant."""

    id = models.BigAutoField(primary_key=True)
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="price_changes")
    price = AmountField()
    compare_at_price = AmountField(null=True)
    currency = CurrencyField()
    valid_from = models.DateTimeField(db_default=Now())
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the platform.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="price_change_positive", condition=Q(price__gte=0)),
        ]
        indexes = [
            models.Index(fields=["variant", "-valid_from", "-id"], name="price_change_by_variant"),
        ]

    def __str__(self) -> str:
        return f"{self.price} {self.currency}"
