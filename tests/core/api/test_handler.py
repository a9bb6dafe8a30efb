"""The lean handler answers as Django's does, and leaves nothing behind in the thread."""

import io
import json
import sys

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.urls import get_script_prefix

from core.api.handler import LeanHandler
from core.api.middleware import ForPages

CALLS = {
    "an answer": ("GET", "/api/v1/echo?name=a"),
    "a refusal": ("GET", "/api/v1/who"),
    "an unknown path": ("GET", "/api/v1/nothing"),
    "a wrong method": ("DELETE", "/api/v1/things"),
    "a page": ("GET", "/page"),
    "a broken page": ("GET", "/broken"),
    "a stream": ("GET", "/api/v1/csv"),
    "a problem's page": ("GET", "/problems/not_found"),
}
OWN = {"X-Request-Id", "RateLimit", "Content-Length", "Set-Cookie"}  # differ from call to call


def environ_of(method, url, **more):
    path, _, query = url.partition("?")
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_ACCEPT": "*/*",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        **more,
    }


def ask(handler, environ):
    said = []
    response = handler(environ, lambda status, headers: said.append((status, headers)))
    body = b"".join(response)
    response.close()
    status, headers = said[0]
    return status, {name: value for name, value in headers if name not in OWN}, body


@pytest.mark.django_db
class TestLeanHandler:
    @pytest.mark.parametrize(("method", "url"), CALLS.values(), ids=CALLS)
    def test_answers_as_djangos_does(self, method, url):
        lean = ask(LeanHandler(), environ_of(method, url))
        whole = ask(WSGIHandler(), environ_of(method, url))

        assert (lean[0], lean[1]) == (whole[0], whole[1])
        assert len(lean[2]) == len(whole[2])

    def test_closes_what_the_request_opened(self, rf):
        closed = []
        handler = LeanHandler()
        environ = environ_of("GET", "/page")
        made = handler.request_class

        class Noting(made):
            def close(self):
                closed.append(self.path)
                super().close()

        handler.request_class = Noting
        ask(handler, environ)

        assert closed == ["/page"]

    @pytest.mark.parametrize("path", ["/page", "/broken", "/api/v1/echo"])
    def test_below_another_path_addresses_have_the_prefix_and_afterwards_not(self, path):
        handler, seen = LeanHandler(), []
        made = handler.request_class

        def note(environ):
            seen.append(get_script_prefix())
            return made(environ)

        handler.request_class = note
        ask(handler, environ_of("GET", path, SCRIPT_NAME="/below"))
        ask(handler, environ_of("GET", path))

        assert (seen, get_script_prefix()) == (["/below/", "/"], "/")

    @pytest.mark.parametrize("path", ["/api/v1/echo", "/page"])
    def test_a_host_that_is_not_ours_is_refused_also_after_one_that_is(self, path):
        handler = LeanHandler()
        good = ask(handler, environ_of("GET", path, HTTP_HOST="testserver"))
        bad = ask(handler, environ_of("GET", path, HTTP_HOST="elsewhere.example"))
        again = ask(handler, environ_of("GET", path, HTTP_HOST="testserver"))

        assert good[0] == again[0] == "200 OK"
        assert bad[0].startswith("400")

    def test_what_was_a_good_host_is_none_when_the_settings_say_so(self, settings):
        handler = LeanHandler()
        settings.ALLOWED_HOSTS = ["one.example", "two.example"]
        assert ask(handler, environ_of("GET", "/page", HTTP_HOST="one.example"))[0] == "200 OK"

        settings.ALLOWED_HOSTS = ["two.example"]

        assert ask(handler, environ_of("GET", "/page", HTTP_HOST="one.example"))[0][:3] == "400"

    def test_remembered_routes_keep_their_own_arguments(self):
        handler = LeanHandler()
        codes = ("conflict", "unforeseen", "conflict")
        answers = [ask(handler, environ_of("GET", f"/api/v1/fail/{code}")) for code in codes]

        codes = [json.loads(body)["code"] for _, _, body in answers]

        assert codes == ["conflict", "internal_error", "conflict"]

    def test_of_the_api_no_middleware_of_pages_is_called(self, monkeypatch):
        def refuse(self, request):
            raise AssertionError(request.path)

        monkeypatch.setattr(ForPages, "__call__", refuse)

        assert ask(LeanHandler(), environ_of("GET", "/api/v1/echo?name=a"))[0] == "200 OK"

    def test_over_plain_http_the_api_is_led_to_https_where_the_settings_say_so(self, settings):
        settings.SECURE_SSL_REDIRECT = True
        status, headers, _ = ask(LeanHandler(), environ_of("GET", "/api/v1/echo"))

        assert (status[:3], headers["Location"]) == ("301", "https://testserver/api/v1/echo")
