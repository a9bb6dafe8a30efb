"""The OpenAPI document: operations, their problems and parameters, and the parts they share."""

from __future__ import annotations

from core.api.schema.components import add_common_parts
from core.api.schema.operations import ApiSchema
from core.api.schema.problems import problem
from core.api.schema.webhooks import add_webhooks

__all__ = ["ApiSchema", "add_common_parts", "add_webhooks", "problem"]
