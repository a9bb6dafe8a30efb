"""Plans, applications with their credentials, and what was called by whom."""

from __future__ import annotations

from apps.developers.models.applications import ApiKey, Application
from apps.developers.models.oauth import OAuthClient, OAuthConsent, UsedCode
from apps.developers.models.plans import Plan, PlanLimit, UserPlan
from apps.developers.models.usage import RequestRecord, UsageDay

__all__ = [
    "ApiKey",
    "Application",
    "OAuthClient",
    "OAuthConsent",
    "Plan",
    "PlanLimit",
    "RequestRecord",
    "UsageDay",
    "UsedCode",
    "UserPlan",
]
