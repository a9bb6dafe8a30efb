"""Events this app publishes: what each means, the data it carries, who hears of it."""

from __future__ import annotations

from apps.products.events import catalogue as catalogue
from apps.products.events import imports as imports
