import pytest
from django.http import HttpResponse

from core.observability.headers import add_missing, prepare

API = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept, Authorization, Origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class TestSecurityHeaders:
    @pytest.mark.parametrize(
        "path",
        ["/api/v1/echo", "/api/v1/nowhere", "/api/v1/fail/unforeseen", "/api/v1/echo?token=x"],
    )
    def test_of_the_api_let_nothing_be_loaded_framed_or_kept(self, anyone, path):
        response = anyone.get(path)

        assert {name: response.headers.get(name) for name in API} == API

    @pytest.mark.parametrize("path", ["/page", "/nowhere", "/broken", "/problems"])
    def test_of_pages_allow_their_own_files_alone(self, anyone, path):
        response = anyone.get(path, headers={"accept": "text/html"})

        policy = response["Content-Security-Policy"]
        assert "default-src 'self'; script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert response["X-Content-Type-Options"] == "nosniff"

    def test_of_a_bad_host_are_there_too(self, anyone):
        response = anyone.get("/page", headers={"host": "evil.example"})

        assert (response.status_code, response["X-Frame-Options"]) == (400, "DENY")


class TestAddMissing:
    def test_keeps_what_the_answer_says_itself(self):
        response = HttpResponse(headers={"Cache-Control": "max-age=60"})

        add_missing(response, prepare({"cache-control": "no-store", "X-New": "1"}))

        assert (response["Cache-Control"], response["X-New"]) == ("max-age=60", "1")

    def test_does_not_share_headers_between_answers(self):
        first, second, prepared = HttpResponse(), HttpResponse(), prepare({"X-New": "1"})
        add_missing(first, prepared)
        add_missing(second, prepared)

        first["X-New"] = "2"
        del first["Content-Type"]

        assert (second["X-New"], "Content-Type" in second) == ("1", True)
