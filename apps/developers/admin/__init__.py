"""The operators' door: applications, their credentials, plans and usage."""

from __future__ import annotations

from apps.developers.admin import applications, keys, oauth, plans, usage

__all__ = ["applications", "keys", "oauth", "plans", "usage"]
