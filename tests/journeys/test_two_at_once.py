"""docs/subsystems/requests.md, conditional requests: of two changes of one version, one is made.

A third transaction holds the row until both writers have passed the early look at `If-Match` and
stand before the lock, so that what decides is the look under it.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from apps.accounts.models import User
from apps.ml_models import runtime
from tests.apps.ml_models.conftest import artefacts, churn, no_runtime_left, storage_of_its_own
from tests.factories import oauth
from tests.factories.developers import make_application, make_key
from tests.factories.ml_models import make_ready_version

__all__ = ["artefacts", "churn", "no_runtime_left", "storage_of_its_own"]  # fixtures

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def a_profile(request, owner):
    return User.objects.get(pk=owner.pk), "/api/v1/me", "patch", {"bio": "Mathematician."}


def an_application(request, owner):
    row = make_application(owner)
    return row, f"/api/v1/applications/{row.pk}", "patch", {"description": "Sells."}


def a_key(request, owner):
    shop = make_application(owner)
    row = make_key(shop).row
    return row, f"/api/v1/applications/{shop.pk}/keys/{row.pk}", "patch", {"name": "weekly"}


def an_oauth_client(request, owner):
    shop = make_application(owner)
    row = oauth.make_client(shop).client
    url = f"/api/v1/applications/{shop.pk}/oauth-clients/{row.pk}"
    return row, url, "patch", {"name": "phone"}


def an_alias(request, owner):
    churn = request.getfixturevalue("churn")
    make_ready_version(request.getfixturevalue("artefacts")["steeper"])
    runtime.refresh()
    row = churn.aliases.get(alias="champion")
    return row, "/api/v1/models/churn/aliases/champion", "put", {"version": 2}


def until_both_wait():
    with connection.cursor() as cursor:
        for _ in range(200):
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees one moment
            cursor.execute(WAITING)
            if cursor.fetchone()[0] == 2:
                return True
            time.sleep(0.05)
    return False


def write(client, method, url, body, tag):
    try:
        return getattr(client, method)(url, body, format="json", HTTP_IF_MATCH=tag)
    finally:
        connection.close()


@pytest.mark.parametrize("thing", [a_profile, an_application, a_key, an_oauth_client, an_alias])
class TestTwoAtOnce:
    def test_one_is_made_and_the_other_refused(self, request, bob, client_of, thing):
        row, url, method, body = thing(request, bob)
        clients = [client_of(bob), client_of(bob)]
        read = clients[0].get(url)

        with ThreadPoolExecutor(2) as pool:
            with transaction.atomic():
                row.reload_for_update()
                tries = [pool.submit(write, c, method, url, body, read["ETag"]) for c in clients]
                assert until_both_wait()
            answers = sorted((each.result() for each in tries), key=lambda a: a.status_code)

        assert [answer.status_code for answer in answers] == [200, 412], answers[-1].content
        seen = row.row_version
        row.refresh_from_db()
        assert row.row_version == seen + 1
        assert answers[1].json()["code"] == "precondition_failed"
        assert answers[1].json()["current_etag"] == answers[1]["ETag"] == answers[0]["ETag"]
        assert clients[0].get(url, HTTP_IF_NONE_MATCH=answers[1]["ETag"]).status_code == 304


@pytest.mark.parametrize("thing", [a_profile, an_application, a_key, an_oauth_client, an_alias])
class TestTheLate:
    def test_are_refused_without_waiting_for_the_lock(self, request, bob, client_of, thing):
        row, url, method, body = thing(request, bob)
        client = client_of(bob)

        with ThreadPoolExecutor(1) as pool, transaction.atomic():
            row.reload_for_update()
            answer = pool.submit(write, client, method, url, body, '"v77"').result(timeout=3)

        assert answer.status_code == 412, answer.content
        seen = row.row_version
        row.refresh_from_db()
        assert row.row_version == seen
