"""docs/subsystems/telemetry.md, metrics."""

import pytest

from core.observability.metrics import REQUEST_SECONDS, counter

ROUTE = "api/v1/fail/<slug:kind>"


def scraped(client):
    response = client.get("/metrics")
    assert response.status_code == 200
    return response.content.decode()


def value_of(text, sample):
    return next(
        (float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(sample)),
        0.0,
    )


class TestMetrics:
    def test_count_answers_by_route_and_status(self, anyone):
        sample = f'agora_http_requests_total{{method="GET",route="{ROUTE}",status="409"}}'
        before = value_of(scraped(anyone), sample)

        anyone.get("/api/v1/fail/conflict")

        assert value_of(scraped(anyone), sample) == before + 1

    def test_count_problems_by_code(self, anyone):
        sample = 'agora_problems_total{code="conflict"}'
        before = value_of(scraped(anyone), sample)

        anyone.get("/api/v1/fail/conflict")

        assert value_of(scraped(anyone), sample) == before + 1

    def test_measure_time_by_route(self, anyone):
        anyone.get("/api/v1/echo")

        assert (
            'agora_http_request_seconds_bucket{le="0.001",method="GET",route="api/v1/echo"}'
            in scraped(anyone)
        )

    def test_made_up_paths_and_methods_make_no_new_series(self, anyone):
        anyone.generic("PELICAN", "/api/v1/pelican-path")

        text = scraped(anyone)
        assert "pelican" not in text.lower()
        assert 'method="OTHER",route="unrouted"' in text

    def test_of_one_name_are_made_once(self):
        with pytest.raises(ValueError, match="Duplicated"):
            counter("agora_problems", "Again.")
        assert REQUEST_SECONDS is not None


class TestAccess:
    def test_is_open_on_this_machine(self, anyone):
        assert anyone.get("/metrics")["Content-Type"].startswith("text/plain")

    @pytest.mark.parametrize(
        "environ",
        [
            {"REMOTE_ADDR": "192.0.2.1"},
            {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
            {"HTTP_X_FORWARDED_FOR": "192.0.2.1"},
            {"HTTP_X_REAL_IP": "192.0.2.1"},
            {"HTTP_FORWARDED": "for=192.0.2.1"},
            {"REMOTE_ADDR": "192.0.2.1", "HTTP_AUTHORIZATION": "Bearer wrong"},
            {"REMOTE_ADDR": "192.0.2.1", "HTTP_AUTHORIZATION": "Bearer "},
        ],
    )
    def test_is_404_for_strangers_and_through_a_proxy(
        self, anyone, assert_problem, environ, settings
    ):
        settings.METRICS_TOKEN = "s3cret"  # noqa: S105 - of this test alone

        assert_problem(anyone.get("/metrics", **environ), 404, "not_found")
        assert_problem(anyone.post("/metrics", **environ), 404, "not_found")

    def test_is_404_for_strangers_when_no_secret_is_set(self, anyone):
        response = anyone.get("/metrics", REMOTE_ADDR="192.0.2.1", HTTP_AUTHORIZATION="Bearer ")

        assert response.status_code == 404

    def test_is_closed_to_loopback_behind_our_own_proxy(self, anyone, settings):
        settings.NUM_PROXIES = 1

        assert anyone.get("/metrics").status_code == 404

    def test_is_open_to_the_bearer_of_the_secret(self, anyone, settings):
        settings.METRICS_TOKEN = "s3cret"  # noqa: S105 - of this test alone
        response = anyone.get(
            "/metrics", REMOTE_ADDR="192.0.2.1", HTTP_AUTHORIZATION="Bearer s3cret"
        )

        assert response.status_code == 200
