"""Query parameters of the lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from apps.developers.models import ApiKey, Application
from apps.developers.selectors import applications as selectors
from apps.developers.selectors import requests
from apps.developers.services.oauth.clients import GRANTS
from core.api.typed_filters import (
    BOOLEAN,
    EXACT,
    ID,
    NULL,
    NUMBER,
    ONE_OF,
    PART,
    RANGE,
    TEXT,
    TIME,
    Typed,
    TypedFilterSet,
    choice,
    integer,
)
from core.observability.request_id import KNOWN_METHODS

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apps.developers.models import OAuthClient, RequestRecord

STATUSES = (Application.Status.ACTIVE, Application.Status.SUSPENDED)
KEY_STATES = (selectors.LIVE, selectors.EXPIRED, selectors.REVOKED)
HTTP_STATUS = integer(100, 600)

NAMED = (Typed("name", TEXT, ONE_OF + PART),)
TIMED = (Typed("created_at", TIME, RANGE), Typed("updated_at", TIME, RANGE))


class ApplicationFilter(TypedFilterSet):
    typed = (
        *NAMED,
        *TIMED,
        Typed("status", choice(STATUSES), ONE_OF),
        Typed("plan", TEXT, ONE_OF + NULL, "plan__name", about="Name of a plan."),
        Typed("suspended_at", TIME, RANGE + NULL),
    )


def _in_state(keys: QuerySet[ApiKey], operator: str, value: Any) -> QuerySet[ApiKey]:  # noqa: ANN401 - one state, or several
    states = value if operator == "in" else [value]
    return selectors.keys_in(keys, states, now=timezone.now())


def _that_live(keys: QuerySet[ApiKey], operator: str, value: bool) -> QuerySet[ApiKey]:  # noqa: ARG001, FBT001 - as Typed.apply is called
    live = ApiKey.objects.live(now=timezone.now())
    return keys.filter(pk__in=live) if value else keys.exclude(pk__in=live)


class ApiKeyFilter(TypedFilterSet):
    typed = (
        *NAMED,
        *TIMED,
        Typed("status", choice(KEY_STATES), ONE_OF, apply=_in_state),
        Typed("live", BOOLEAN, EXACT, apply=_that_live, about="Neither revoked nor run out."),
        Typed("read_only", BOOLEAN, EXACT),
        Typed("prefix", TEXT, ONE_OF),
        Typed("expires_at", TIME, RANGE + NULL),
        Typed("last_used_at", TIME, RANGE + NULL),
        Typed("revoked_at", TIME, RANGE + NULL),
        Typed("replaced_by_id", ID, EXACT + NULL),
    )


def _by_grant(clients: QuerySet[OAuthClient], operator: str, value: Any) -> QuerySet[OAuthClient]:  # noqa: ANN401 - one grant, or several
    names = value if operator == "in" else [value]
    return clients.filter(authorization_grant_type__in=[GRANTS[name] for name in names])


class OAuthClientFilter(TypedFilterSet):
    typed = (
        *NAMED,
        *TIMED,
        Typed("client_id", TEXT, ONE_OF),
        Typed("client_type", choice(("confidential", "public")), ONE_OF),
        Typed("grant", choice(sorted(GRANTS)), ONE_OF, apply=_by_grant),
    )


def _with_request_id(
    rows: QuerySet[RequestRecord],
    operator: str,  # noqa: ARG001 - as Typed.apply is called
    value: str,
) -> QuerySet[RequestRecord]:
    return requests.only_request(rows, value)


class RequestFilter(TypedFilterSet):
    typed = (
        Typed("at", TIME, RANGE, apply=requests.answered_at, about="When the answer was ready."),
        Typed("application_id", ID, ONE_OF + NULL),
        Typed("user_id", ID, ONE_OF),
        Typed("status", HTTP_STATUS, ONE_OF + RANGE),
        Typed("method", choice(sorted(KNOWN_METHODS)), ONE_OF),
        Typed("route", TEXT, ONE_OF, about="As in the schema, e.g. /api/v1/models/{name}."),
        Typed("error_code", TEXT, ONE_OF),
        Typed("work", TEXT, ONE_OF),
        Typed("latency_ms", NUMBER, RANGE),
        Typed("units", integer(0, 2**31 - 1), RANGE),
        Typed("credential", TEXT, ONE_OF),
        Typed("credential_id", TEXT, ONE_OF),
        Typed("request_id", TEXT, EXACT, apply=_with_request_id),
    )
