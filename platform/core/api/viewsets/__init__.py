"""What every view of the API is: its rules as class attributes, its checks in one order."""

from __future__ import annotations

from core.api.permissions import PUBLIC, OrAnonymous
from core.api.requests import ApiRequest
from core.api.viewsets.base import ApiBase
from core.api.viewsets.kinds import ApiView, ApiViewSet

__all__ = ["PUBLIC", "ApiBase", "ApiRequest", "ApiView", "ApiViewSet", "OrAnonymous"]
