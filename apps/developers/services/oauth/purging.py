"""Forgetting what can do nothing any more: tokens and codes that have run out, empty consents."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from oauth2_provider.models import AccessToken, Grant, RefreshToken

from apps.developers.models import OAuthConsent, UsedCode

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

BATCH: Final = 1_000  # rows of one transaction
BATCHES_MAX: Final = 100  # of one kind in one run; the next run goes on


def purge_oauth(*, now: datetime) -> dict[str, int]:
    """Delete, in batches; how many of each kind.

    A used refresh token stays as long as an unused one could live, since its replay tells a theft.
    The access token beside a live refresh token stays too: without it the pair counts as ended.
    """
    life = timedelta(seconds=settings.OAUTH_REFRESH_TOKEN_SECONDS)
    old = now - life
    in_use = RefreshToken.objects.filter(access_token=OuterRef("pk"))
    theirs = {"user": OuterRef("user"), "application__belongs_to": OuterRef("application")}
    return {
        "refresh_tokens": _delete(
            RefreshToken.objects.filter(
                Q(revoked__lte=old)
                | Q(revoked=None, created__lte=old)
                | Q(revoked=None, access_token=None)
            )
        ),
        "access_tokens": _delete(AccessToken.objects.filter(~Exists(in_use), expires__lte=now)),
        "codes": _delete(Grant.objects.filter(expires__lte=now)),
        "used_codes": _delete(UsedCode.objects.filter(expires_at__lte=now)),
        "consents": _delete(
            OAuthConsent.objects.filter(
                ~Exists(RefreshToken.objects.filter(**theirs)),
                ~Exists(AccessToken.objects.filter(**theirs)),
                ~Exists(Grant.objects.filter(**theirs)),
                given_at__lte=old,
            )
        ),
    }


def _delete(rows: QuerySet[Any]) -> int:
    """Each row is looked at again as it goes: a consent may have been given anew meanwhile."""
    total = 0
    for _ in range(BATCHES_MAX):
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not keys:
            break
        rows.filter(pk__in=keys).delete()
        total += len(keys)
    return total
