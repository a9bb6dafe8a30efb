"""docs/subsystems/telemetry.md, probes."""

import threading
import time

import pytest

from core.observability.health import Readiness, readiness


@pytest.fixture
def checks(monkeypatch):
    """The checks of /readyz for this test alone."""
    monkeypatch.setattr(readiness, "_checks", {})
    readiness.forget()
    return readiness._checks


def fails():
    raise ConnectionError("redis://:hunter2@host: refused")


class TestMethods:
    @pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CANARY"])
    def test_other_than_get_and_head_are_405(self, anyone, checks, assert_problem, path, method):
        response = anyone.generic(method, path)

        assert_problem(response, 405, "method_not_allowed")
        assert response["Allow"] == "GET, HEAD"

    @pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
    def test_head_is_answered(self, anyone, checks, path):
        assert anyone.head(path).status_code == 200


class TestLivez:
    def test_answers_without_asking_anybody(self, anyone, checks, django_assert_num_queries, db):
        checks["down"] = fails

        with django_assert_num_queries(0):
            response = anyone.get("/livez")

        assert (response.status_code, response.json()) == (200, {"status": "alive"})


class TestReadyz:
    def test_is_200_when_all_parts_are_ready(self, anyone, checks):
        checks.update(one=lambda: None, two=lambda: None)

        response = anyone.get("/readyz")

        assert (response.status_code, response.json()["status"]) == (200, "ready")
        assert {name: c["ready"] for name, c in response.json()["checks"].items()} == {
            "one": True,
            "two": True,
        }

    def test_is_a_503_problem_with_reasons_and_without_secrets(
        self, anyone, checks, assert_problem
    ):
        checks.update(good=lambda: None, migrations=lambda: "2 migrations are waiting", redis=fails)

        problem = assert_problem(anyone.get("/readyz"), 503, "not_ready")

        assert problem["detail"] == "Not ready: migrations, redis."
        assert problem["checks"]["migrations"]["reason"] == "2 migrations are waiting"
        assert problem["checks"]["redis"]["reason"].startswith("ConnectionError: ")
        assert "hunter2" not in str(problem)
        assert problem["checks"]["good"]["ready"] is True

    def test_writes_no_error_line(self, anyone, checks, log_lines):
        checks["down"] = fails

        anyone.get("/readyz")

        assert [line["level"] for line in log_lines()] == ["info"]


class TestReadiness:
    def test_a_check_that_hangs_fails_in_time_and_is_not_started_again(self):
        release, started = threading.Event(), []

        def hangs():
            started.append(1)
            release.wait(10)

        ready = Readiness(budget=0.1)
        ready.register({"slow": hangs, "quick": lambda: None})
        begun = time.perf_counter()

        first = ready.report()
        ready.forget()
        second = ready.report()

        assert time.perf_counter() - begun < 1
        assert first["slow"]["reason"] == second["slow"]["reason"] == "no answer in time"
        assert (first["quick"]["ready"], len(started)) == (True, 1)
        release.set()

    def test_an_answer_is_given_again_for_half_a_second(self):
        asked = []
        ready = Readiness()
        ready.register({"one": lambda: asked.append(1)})

        for _ in range(5):
            ready.report()
        time.sleep(0.55)
        ready.report()

        assert len(asked) == 2

    def test_a_new_check_is_asked_at_once(self):
        ready = Readiness()
        assert ready.report() == {}

        ready.register({"new": lambda: "not yet"})

        assert ready.report()["new"]["reason"] == "not yet"

    @pytest.mark.django_db(transaction=True)
    def test_leaves_no_database_connection_open(self):
        from django.db import connection

        opened = []

        def asks():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                opened.append(cursor.fetchone()[0])

        ready = Readiness()
        ready.register({"database": asks})
        assert ready.report()["database"]["ready"]

        time.sleep(0.2)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", [opened])
            assert cursor.fetchone() == (0,)
