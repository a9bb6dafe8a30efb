"""The operators' pages: everything readable but what is secret; revoking with a reason."""

import pytest
from django.contrib import admin
from django.urls import reverse
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken

from apps.developers.models import OAuthClient, OAuthConsent
from core.admin import AuditedModelAdmin
from core.models import AuditEntry
from tests.factories import oauth

pytestmark = pytest.mark.django_db

MODELS = [OAuthClient, AccessToken, RefreshToken, Grant, OAuthConsent]


@pytest.fixture
def staff(client, bob):
    bob.is_superuser = True
    bob.save()
    client.force_login(bob)
    return client


def page(model, *arguments):
    view = "change" if arguments else "changelist"
    label = f"{model._meta.app_label}_{model._meta.model_name}"
    return reverse(f"admin:{label}_{view}", args=arguments)


def act(staff, row, action):
    form = {
        "action": action,
        "_selected_action": [str(row.pk)],
        "apply": "1",
        "reason": "Ticket 7.",
    }
    return staff.post(page(type(row)), form, follow=True)


def test_every_registration_is_ours():
    for model in MODELS:
        assert isinstance(admin.site._registry[model], AuditedModelAdmin)
    assert not admin.site.is_registered(IDToken)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_shows_rows_and_nothing_secret(staff, shop, carol, model):
    code = oauth.code_of(carol, shop)
    document = oauth.tokens_of(carol, shop)
    row = model.objects.first()
    secrets = [
        shop.secret,
        OAuthClient.objects.get().client_secret,
        code,
        Grant.objects.get().code,
        *document.values(),
        *AccessToken.objects.values_list("token_checksum", flat=True),
    ]

    for answer in (staff.get(page(model)), staff.get(page(model, row.pk))):
        assert answer.status_code == 200
        text = answer.content.decode()
        assert "Shop assistant" in text
        assert not [s for s in secrets if isinstance(s, str) and len(s) > 30 and s in text]
        assert "_save" not in text


@pytest.mark.parametrize("term", ["carol", "%", "0198"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_can_be_searched(staff, shop, carol, model, term):
    oauth.tokens_of(carol, shop)

    assert staff.get(page(model), {"q": term}).status_code == 200


@pytest.mark.parametrize(
    ("model", "action", "written"),
    [
        (OAuthClient, "revoke", "developers.oauth_client.revoked"),
        (AccessToken, "revoke", "developers.oauth_access_token.revoked"),
        (RefreshToken, "revoke", "developers.oauth_refresh_token.revoked"),
        (OAuthConsent, "withdraw", "developers.authorization.withdrawn"),
    ],
)
def test_an_action_ends_the_tokens_and_says_why(  # noqa: PLR0913, PLR0917 - what meets
    staff, bob, shop, carol, refresh_revocations, model, action, written
):
    document = oauth.tokens_of(carol, shop)
    assert oauth.call_with(document["access_token"]).status_code == 200

    answer = act(staff, model.objects.get(), action)
    refresh_revocations()

    assert "done for 1 of 1" in answer.content.decode()
    assert oauth.call_with(document["access_token"]).status_code == 401
    assert oauth.refresh(shop, document["refresh_token"]).status_code in {400, 401}
    entry = AuditEntry.objects.get(action=written)
    assert (entry.actor_id, entry.reason) == (bob.pk, "Ticket 7.")


def test_a_service_token_can_be_revoked(staff, service):
    token = oauth.service_token(service)["access_token"]

    act(staff, AccessToken.objects.get(), "revoke")

    assert oauth.call_with(token).status_code == 401


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_nothing_can_be_added_changed_or_deleted(staff, shop, carol, model):
    oauth.code_of(carol, shop)
    oauth.tokens_of(carol, shop)
    row = model.objects.first()

    assert staff.get(page(model) + "add/").status_code == 403
    assert staff.post(page(model, row.pk), {"scope": "everything"}).status_code == 403
    assert staff.post(page(model, row.pk) + "../delete/", {"post": "yes"}).status_code in {403, 404}
    assert model.objects.filter(pk=row.pk).exists()
