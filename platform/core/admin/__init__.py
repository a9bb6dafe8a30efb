"""The operators' door: the base of every app's admin, and core's own tables in it."""

from __future__ import annotations

from core.admin import tables
from core.admin.actions import ReasonForm, actor_of, reasoned_action
from core.admin.base import AuditedModelAdmin
from core.admin.display import pill, pretty_json
from core.admin.objects import Panel

__all__ = [
    "AuditedModelAdmin",
    "Panel",
    "ReasonForm",
    "actor_of",
    "pill",
    "pretty_json",
    "reasoned_action",
    "tables",
]
