"""Django's handle on the catalogue: products, variants, stock, reviews."""

from __future__ import annotations

from django.apps import AppConfig


class ProductsConfig(AppConfig):
    name = "apps.products"
    label = "products"
    verbose_name = "Products"
    default_auto_field = "django.db.models.BigAutoField"
