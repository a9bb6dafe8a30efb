"""Pictures of products: taken in, made anew, described, removed, swept up."""

from __future__ import annotations
