"""Two at the same moment, in threads of their own on connections of their own."""

import pytest
from oauth2_provider.models import AccessToken, RefreshToken

from apps.developers.models import OAuthConsent
from apps.developers.services import oauth as services
from tests.factories import oauth
from tests.factories.parallel import in_parallel

pytestmark = pytest.mark.django_db(transaction=True)


def statuses(answers):
    return sorted(answer.status_code for answer in answers)


def test_of_eight_who_send_one_code_one_gets_tokens(shop, carol):
    code = oauth.code_of(carol, shop)

    answers = in_parallel(lambda _: oauth.exchange(shop, code), count=8)

    assert statuses(answers) == [200] + [400] * 7
    refused = [answer.json()["error"] for answer in answers if answer.status_code == 400]
    assert refused == ["invalid_grant"] * 7
    assert not AccessToken.objects.exists()  # the others came second with a used code
    assert RefreshToken.objects.count() == 1


def test_of_eight_who_send_one_refresh_token_one_gets_tokens(phone, carol):
    token = oauth.tokens_of(carol, phone)["refresh_token"]

    answers = in_parallel(lambda _: oauth.refresh(phone, token), count=8)

    assert statuses(answers) == [200] + [400] * 7
    assert not AccessToken.objects.exists()
    assert not RefreshToken.objects.filter(revoked=None).exists()


@pytest.mark.parametrize("_round", range(3))
def test_nothing_survives_a_withdrawal_that_meets_refreshes(shop, carol, client_of, _round):
    tokens = [oauth.tokens_of(carol, shop)["refresh_token"] for _ in range(4)]
    path = f"/api/v1/me/authorizations/{shop.client.belongs_to_id}"
    client = client_of(carol)

    def act(number):
        if number == 4:
            return client.delete(path)
        return oauth.refresh(shop, tokens[number])

    answers = in_parallel(act, count=5)

    assert answers[4].status_code == 204
    assert {answer.status_code for answer in answers[:4]} <= {200, 400}
    assert not AccessToken.objects.exists()
    assert not RefreshToken.objects.filter(revoked=None).exists()
    assert not OAuthConsent.objects.exists()


@pytest.mark.parametrize("_round", range(3))
def test_nothing_survives_a_revocation_that_meets_a_refresh(shop, carol, _round):
    token = oauth.tokens_of(carol, shop)["refresh_token"]

    def act(number):
        if number == 0:
            return oauth.refresh(shop, token)
        return oauth.post("/oauth/revoke", {"token": token}, oauth.basic(shop))

    _, revoked = in_parallel(act, count=2)

    assert revoked.status_code == 200
    assert not AccessToken.objects.exists()
    assert not RefreshToken.objects.filter(revoked=None).exists()


def test_consent_given_by_eight_clicks_is_one(shop, carol):
    answers = in_parallel(lambda _: oauth.decide(carol, shop), count=8)

    assert statuses(answers) == [303] * 8
    assert OAuthConsent.objects.count() == 1


def test_a_limit_of_clients_holds_for_all_who_come_at_once(application):
    for _ in range(16):
        oauth.make_client(application)

    answers = in_parallel(lambda _: oauth.make_client(application), count=8)

    made = [answer for answer in answers if isinstance(answer, services.ClientWithSecret)]
    assert len(made) == 4
    assert application.oauth_clients.count() == 20
