"""The lean handler answers as Django's does, and leaves nothing behind in the thread."""

import io
import sys

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.urls import get_script_prefix, set_script_prefix

from core.api.handler import LeanHandler

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

    def test_below_another_path_addresses_have_the_prefix(self):
        try:
            ask(LeanHandler(), environ_of("GET", "/page", SCRIPT_NAME="/below"))

            assert get_script_prefix() == "/below/"
        finally:
            set_script_prefix("/")
