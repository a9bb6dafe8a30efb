"""The request log of real web processes: stopped, killed, and while PostgreSQL is away."""

import pytest

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

WRITTEN_WITHIN = 3.0  # seconds; promised are two
BACK_WITHIN = 40.0  # seconds from PostgreSQL's return; between two tries lie ten at most
CALLS = 60  # below what may be called in a second
COUNT = "SELECT count(*) FROM developers_requestrecord WHERE route = '/api/v1/me/token'"
SUM = "SELECT coalesce(sum(calls), 0) FROM developers_usageday WHERE route = '/api/v1/me/token'"


@pytest.fixture
def serving(platform):
    platform.start("web")
    platform.wait_ready()
    return platform


def call(client, count=CALLS):
    """So many good calls; the request ids of their answers."""
    answers = [client.get("/api/v1/me/token") for _ in range(count)]
    assert {answer.status for answer in answers} == {200}
    return [answer.headers["X-Request-Id"] for answer in answers]


def counted(platform):
    return (platform.sql(COUNT)[0][0], int(platform.sql(SUM)[0][0]))


class TestSigterm:
    def test_writes_what_waits(self, serving):
        client = serving.client("demo", "demo")
        call(client)

        assert serving.stop("web")  # at once: the last calls have not been written yet

        assert counted(serving) == (CALLS, CALLS)
        assert "were not written" not in serving.log("web")

    def test_ends_in_time_while_postgres_is_away_and_says_what_is_lost(self, serving):
        client = serving.client("demo", "demo")
        serving.kill("postgres")
        call(client, 5)

        assert serving.stop("web")

        assert "facts were not written before the end" in serving.log("web")


class TestKilled:
    def test_loses_the_last_second_at_most(self, serving):
        client = serving.client("demo", "demo")
        call(client)
        assert serving.wait_until(
            lambda: counted(serving) == (CALLS, CALLS), seconds=WRITTEN_WITHIN
        )
        call(client, 5)

        serving.kill("web")

        rows, calls = counted(serving)
        assert CALLS <= rows <= CALLS + 5
        assert rows == calls


class TestPostgresAway:
    def test_nothing_is_lost_or_counted_twice(self, serving):
        client = serving.client("demo", "demo")
        ids = call(client, 30)
        serving.kill("postgres")
        ids += call(client, 30)  # a call needs no query, for five seconds

        serving.start("postgres")

        assert serving.wait_until(lambda: counted(serving) == (60, 60), seconds=BACK_WITHIN)
        known = serving.sql("SELECT request_id FROM developers_requestrecord")
        assert set(ids) <= {request_id for (request_id,) in known}
        assert serving.wait_until(lambda: _is_shown(serving, ids[-1]), seconds=BACK_WITHIN)


def _is_shown(platform, request_id):
    answer = platform.client("demo", "demo").get(f"/api/v1/requests/{request_id}")
    return answer.status == 200
