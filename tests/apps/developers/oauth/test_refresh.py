"""POST /oauth/token with a refresh token: rotation, reuse, and what a refresh cannot do."""

from datetime import timedelta

import pytest
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken

from apps.developers.models import OAuthClient, OAuthConsent
from core.models import AuditEntry
from tests.factories import oauth

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["shop", "phone"])
def test_brings_the_next_pair_and_ends_the_old_one(request, kind, carol, refresh_revocations):
    made = request.getfixturevalue(kind)
    old = oauth.tokens_of(carol, made)
    assert oauth.call_with(old["access_token"]).status_code == 200

    new = oauth.refresh(made, old["refresh_token"]).json()
    refresh_revocations()

    assert new["refresh_token"] != old["refresh_token"]
    assert new["scope"] == old["scope"]
    assert oauth.call_with(new["access_token"]).status_code == 200
    assert oauth.call_with(old["access_token"]).status_code == 401
    assert AccessToken.objects.count() == 1
    assert OAuthConsent.objects.get().last_used_at == pytest.approx(
        timezone.now(), abs=timedelta(seconds=5)
    )


def test_a_used_one_ends_its_family(shop, carol, assert_refused, refresh_revocations):
    first = oauth.tokens_of(carol, shop)
    second = oauth.refresh(shop, first["refresh_token"]).json()
    third = oauth.refresh(shop, second["refresh_token"]).json()
    assert oauth.call_with(third["access_token"]).status_code == 200

    assert_refused(oauth.refresh(shop, first["refresh_token"]), 400, "invalid_grant")
    refresh_revocations()

    assert_refused(oauth.refresh(shop, third["refresh_token"]), 400, "invalid_grant")
    assert oauth.call_with(third["access_token"]).status_code == 401
    assert AuditEntry.objects.filter(action__endswith="token_reused").count() == 1


def test_a_used_one_leaves_other_families_alone(shop, carol):
    one, other = oauth.tokens_of(carol, shop), oauth.tokens_of(carol, shop)
    oauth.refresh(shop, one["refresh_token"])
    oauth.refresh(shop, one["refresh_token"])

    assert oauth.call_with(other["access_token"]).status_code == 200
    assert oauth.refresh(shop, other["refresh_token"]).status_code == 200


def test_of_another_client_is_refused_and_harms_nobody(shop, phone, carol, assert_refused):
    document = oauth.tokens_of(carol, shop)

    assert_refused(oauth.refresh(phone, document["refresh_token"]), 400, "invalid_grant")
    assert oauth.refresh(shop, document["refresh_token"]).status_code == 200
    assert_refused(oauth.refresh(phone, document["refresh_token"]), 400, "invalid_grant")
    assert AccessToken.objects.count() == 1


@pytest.mark.parametrize(
    "scope", ["models:read usage:read", "models:write", "profile:write", "everything"]
)
def test_brings_no_more_scopes(shop, carol, assert_refused, scope):
    token = oauth.tokens_of(carol, shop, scope="models:read")["refresh_token"]

    assert_refused(oauth.refresh(shop, token, scope=scope), 400, "invalid_scope")
    assert_refused(
        oauth.refresh(shop, token, scope="predictions:create"), 400, "invalid_scope"
    )  # the client's own, but not consented
    assert oauth.refresh(shop, token).status_code == 200


def test_may_bring_fewer_scopes(shop, carol):
    token = oauth.tokens_of(carol, shop)["refresh_token"]

    document = oauth.refresh(shop, token, scope="models:read").json()

    assert document["scope"] == "models:read"
    assert oauth.call_with(document["access_token"]).json()["scopes"] == ["models:read"]


@pytest.mark.parametrize("again", [{"scope": "models:read predictions:create"}, {}])
def test_that_brought_fewer_scopes_leaves_all_to_the_next(shop, carol, assert_refused, again):
    """RFC 6749 section 6: the new refresh token has the scope of the old one."""
    token = oauth.tokens_of(carol, shop)["refresh_token"]
    token = oauth.refresh(shop, token, scope="models:read").json()["refresh_token"]
    wider = "models:read predictions:create usage:read"
    assert_refused(oauth.refresh(shop, token, scope=wider), 400, "invalid_scope")

    answer = oauth.refresh(shop, token, **again)

    assert (answer.status_code, answer.json()["scope"]) == (200, " ".join(oauth.SCOPES))
    assert oauth.call_with(answer.json()["access_token"]).json()["scopes"] == oauth.SCOPES


def test_brings_back_no_scope_that_the_client_has_lost_since(shop, carol, assert_refused):
    token = oauth.tokens_of(carol, shop)["refresh_token"]
    token = oauth.refresh(shop, token, scope="models:read").json()["refresh_token"]
    OAuthClient.objects.update(scopes=["models:read"])

    answer = oauth.refresh(shop, token, scope="models:read predictions:create")

    assert_refused(answer, 400, "invalid_scope")
    assert oauth.refresh(shop, token).json()["scope"] == "models:read"


def test_brings_no_scope_that_the_client_has_lost(shop, carol, assert_refused):
    token = oauth.tokens_of(carol, shop)["refresh_token"]
    OAuthClient.objects.update(scopes=["models:read"])
    document = oauth.refresh(shop, token).json()
    assert document["scope"] == "models:read"

    OAuthClient.objects.update(scopes=["usage:read"])
    assert_refused(oauth.refresh(shop, document["refresh_token"]), 400, "invalid_grant")


def test_lives_fourteen_days(shop, carol, assert_refused):
    token = oauth.tokens_of(carol, shop)["refresh_token"]
    created = timezone.now() - timedelta(days=14) + timedelta(minutes=1)
    RefreshToken.objects.update(created=created)
    document = oauth.refresh(shop, token).json()
    RefreshToken.objects.filter(revoked=None).update(created=timezone.now() - timedelta(days=14))

    assert_refused(oauth.refresh(shop, document["refresh_token"]), 400, "invalid_grant")


def test_of_somebody_deactivated_is_refused(shop, carol, assert_refused):
    token = oauth.tokens_of(carol, shop)["refresh_token"]
    carol.is_active = False
    carol.save()

    assert_refused(oauth.refresh(shop, token), 400, "invalid_grant")


@pytest.mark.parametrize("token", ["x", "ort_" + "x" * 49, "\u0661", " "])
def test_of_nobody_is_refused(shop, assert_refused, token):
    assert_refused(oauth.refresh(shop, token), 400, "invalid_grant")


def test_none_is_a_bad_request(shop, assert_refused):
    assert_refused(oauth.refresh(shop, ""), 400, "invalid_request")


def test_an_access_token_is_none(shop, carol, assert_refused):
    token = oauth.tokens_of(carol, shop)["access_token"]

    assert_refused(oauth.refresh(shop, token), 400, "invalid_grant")
