"""Applications, keys and plans for tests, made as the platform makes them."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from rest_framework.test import APIClient

from apps.developers.models import Plan, PlanLimit
from apps.developers.services import applications, keys
from core import plans
from core.ids import uuid7
from core.security.principal import Principal
from core.security.scopes import scopes_of_login

RULES = {
    "name": "nightly import",
    "scopes": ["profile:read"],
    "read_only": False,
    "networks": [],
    "expires_at": None,
}


def login_of(user) -> Principal:
    """A person's own login, as services see it."""
    now = timezone.now()
    return Principal(
        user_id=user.pk,
        username=user.username,
        application_id=None,
        scopes=scopes_of_login(is_staff=user.is_staff),
        plan="default",
        is_staff=user.is_staff,
        credential="jwt",
        credential_id=uuid7().hex,
        family_id=uuid7(),
        issued_at=now,
        expires_at=now + timedelta(minutes=15),
    )


def make_application(owner, name="Shop"):
    return applications.create_application(
        name=name, description="", website="", actor=login_of(owner)
    )


def make_key(application, *, now=None, **rules):
    """An IssuedKey: `row`, and its text as `key`."""
    return keys.create_key(
        application_id=application.pk,
        rules={**RULES, **rules},
        actor=login_of(application.owner),
        now=now or timezone.now(),
    )


def client_with(token, **extra) -> APIClient:
    """A client that sends a key or token."""
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", **extra)
    return client


def make_plan(name="partner", *, is_default=False, **limits):
    """A plan; `limits` by class of work as (burst, sustained, daily, concurrent)."""
    plan = Plan.objects.create(name=name, title=name.capitalize(), is_default=is_default)
    columns = ("burst", "sustained", "daily", "concurrent")
    for work, values in limits.items():
        PlanLimit.objects.create(plan=plan, work=work, **dict(zip(columns, values, strict=True)))
    plans.refresh()
    return plan


def keys_url(application, key=None, tail="") -> str:
    """Where an application's keys lie, or one of them, or what `tail` does to it."""
    listing = f"/api/v1/applications/{application.pk}/keys"
    return listing if key is None else f"{listing}/{getattr(key, 'pk', key)}{tail}"
