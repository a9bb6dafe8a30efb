"""docs/subsystems/requests.md, the envelope."""

import io

import pytest
from django.test import Client

ECHO = "/api/v1/echo"
ARABIC_ONE = "\u0661"  # a digit to Python's int() and to \\d, not to us


def send(client, path=ECHO, method="POST", body=b"{}", **environ):
    """A request whose WSGI environment can be made as wrong as a client could make it."""
    given = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **environ,
    }
    return client.request(**{name: value for name, value in given.items() if value is not None})


class TestHost:
    @pytest.mark.parametrize("path", [ECHO, "/page", "/livez"])
    @pytest.mark.parametrize(
        "host", ["evil.example", "testserver.evil.example", "a b", "testserver:x", ""]
    )
    def test_that_is_not_ours_is_400(self, anyone, assert_problem, host, path):
        assert_problem(anyone.get(path, headers={"host": host}), 400, "bad_host")

    def test_forwarded_by_a_stranger_is_ignored(self, anyone):
        response = anyone.get(ECHO, headers={"x-forwarded-host": "evil.example"})

        assert response.status_code == 200


class TestLength:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
    def test_of_a_chunked_body_is_411(self, anyone, assert_problem, method):
        response = send(
            anyone, method=method, CONTENT_LENGTH=None, HTTP_TRANSFER_ENCODING="chunked"
        )

        assert_problem(response, 411, "length_required")

    def test_missing_in_http_2_is_411_when_there_is_a_body(self, anyone, assert_problem):
        http_2 = {"CONTENT_LENGTH": None, "SERVER_PROTOCOL": "HTTP/2.0"}

        assert_problem(send(anyone, **http_2), 411, "length_required")
        assert send(anyone, body=b"", **http_2).status_code == 200

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
    def test_missing_without_a_body_is_fine(self, anyone, method):
        assert send(anyone, method=method, body=b"", CONTENT_LENGTH=None).status_code == 200

    def test_beside_a_transfer_encoding_is_411(self, anyone, assert_problem):
        assert_problem(send(anyone, HTTP_TRANSFER_ENCODING="chunked"), 411, "length_required")

    @pytest.mark.parametrize("length", ["-1", "abc", "1e3", ARABIC_ONE * 2, "9" * 16, "1, 2"])
    def test_that_is_no_number_is_400(self, anyone, assert_problem, length):
        problem = assert_problem(send(anyone, CONTENT_LENGTH=length), 400, "malformed_header")

        assert problem["errors"][0]["header"] == "Content-Length"

    def test_above_the_cap_is_413_before_a_byte_is_read(self, anyone, assert_problem):
        body = io.BytesIO(b"x" * 101)

        response = send(anyone, "/api/v1/small", CONTENT_LENGTH="101", **{"wsgi.input": body})

        problem = assert_problem(response, 413, "body_too_large")
        assert (problem["maximum_bytes"], body.tell()) == (100, 0)

    def test_at_the_cap_is_read(self, anyone):
        assert send(anyone, "/api/v1/small", body=b'{"a":"' + b"x" * 92 + b'"}').status_code == 200

    def test_of_a_megabyte_and_more_is_413_by_default(self, anyone, assert_problem):
        response = send(anyone, CONTENT_LENGTH=str(1024**2 + 1))

        assert_problem(response, 413, "body_too_large")

    def test_of_a_page_is_capped_too(self, anyone, assert_problem):
        assert_problem(send(anyone, "/page", CONTENT_LENGTH=str(10**9)), 413, "body_too_large")

    @pytest.mark.parametrize("body", [b'{"a":1', b'{"a":1}', b""])
    def test_of_more_than_what_comes_is_400(self, anyone, assert_problem, body):
        problem = assert_problem(
            send(anyone, body=body, CONTENT_LENGTH="900"), 400, "body_unreadable"
        )

        assert problem["detail"] == f"{len(body)} of 900 bytes arrived."


class TestContentEncoding:
    @pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, gzip", "deflate", "GZIP"])
    def test_is_refused(self, anyone, assert_problem, encoding):
        response = send(anyone, HTTP_CONTENT_ENCODING=encoding)

        assert_problem(response, 415, "unsupported_content_encoding")

    @pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
    def test_identity_is_none(self, anyone, encoding):
        assert send(anyone, HTTP_CONTENT_ENCODING=encoding).status_code == 200


class TestPath:
    @pytest.mark.parametrize("path", ["/api/v1/a\x00b", "/page\x00"])
    def test_with_a_nul_is_400(self, anyone, assert_problem, path):
        assert_problem(send(anyone, path, method="GET"), 400, "malformed_path")

    @pytest.mark.parametrize("raw", [b"\xff", b"\xc0\xae\xc0\xae/", b"\xed\xa0\x80"])
    def test_that_is_not_utf_8_is_404(self, anyone, assert_problem, raw):
        response = send(anyone, "/api/v1/" + raw.decode("latin-1"), method="GET")

        assert_problem(response, 404, "not_found")

    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/../../etc/passwd",
            "/api/v1//echo",
            "/api/v1/echo/../who",
            "/api/v1/é",
            "/API/V1/echo",
        ],
    )
    def test_that_leads_nowhere_is_404(self, anyone, assert_problem, path):
        assert_problem(
            send(anyone, path.encode().decode("latin-1"), method="GET"), 404, "not_found"
        )

    @pytest.mark.parametrize(
        "key",
        [
            "0",
            "-1",
            "1.0",
            "abc",
            "10" * 2_500,
            ARABIC_ONE,
            "0190a000-0000-7000-8000-00000000a11" + ARABIC_ONE,
        ],
    )
    def test_an_id_that_is_no_uuid_is_404(self, anyone, assert_problem, key):
        assert_problem(anyone.get(f"/api/v1/entries/{key}"), 404, "not_found")


class TestQuery:
    def test_longer_than_4096_is_414(self, anyone, assert_problem):
        response = send(anyone, method="GET", QUERY_STRING="name=" + "x" * 4_092)

        assert_problem(response, 414, "uri_too_long")

    @pytest.mark.parametrize("query", ["name=%00", "name=%ff", "name=%c0%ae", "name=\xff", "%00=1"])
    def test_with_nul_or_bad_utf_8_is_400(self, anyone, assert_problem, query):
        assert_problem(send(anyone, method="GET", QUERY_STRING=query), 400, "malformed_query")

    @pytest.mark.parametrize(
        "query",
        [
            "token=canary",
            "name=x&access_token=canary",
            "PASSWORD=canary",
            "api%5Fkey=canary",
            "refresh",
        ],
    )
    def test_with_a_credential_is_400_and_nowhere_logged(
        self, anyone, assert_problem, log_lines, query
    ):
        response = send(anyone, method="GET", QUERY_STRING=query)

        problem = assert_problem(response, 400, "secret_in_query")
        assert len(problem["errors"]) == 1
        assert "canary" not in str(problem) + str(log_lines())

    @pytest.mark.parametrize(
        "value",
        [
            *(prefix + "x1" * 24 + "y" for prefix in ("sk_", "oat_", "ort_", "ocs_")),
            "Bearer+sk_" + "x1" * 24 + "y",
            "Bearer%20oat%5F" + "x1" * 24 + "y",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        ],
    )
    def test_with_a_credential_under_any_name_is_400(
        self, anyone, assert_problem, log_lines, value
    ):
        response = send(anyone, method="GET", QUERY_STRING=f"name=x&q={value}")

        problem = assert_problem(response, 400, "secret_in_query", at=("q", "secret_in_query"))
        secret = value[-20:]
        assert secret not in str(problem) + str(log_lines())

    @pytest.mark.parametrize(
        "value", ["sk_4hTq81Zx", "sk_", "oat_meal", "eyJhbGciOiJIUzI1NiJ9", "a.b.c", "x" * 300]
    )
    def test_that_only_looks_a_little_like_one_passes(self, anyone, value):
        response = send(anyone, "/api/v1/entries", method="GET", QUERY_STRING=f"search={value}")

        assert b"secret_in_query" not in response.content

    def test_of_a_page_may_have_a_token(self, anyone):
        assert send(anyone, "/page", method="GET", QUERY_STRING="token=1").status_code == 200


class TestLimitHeaders:
    @pytest.mark.parametrize(
        ("environ", "status"),
        [
            ({"HTTP_HOST": "evil.example"}, 400),
            ({"HTTP_TRANSFER_ENCODING": "chunked"}, 411),
            ({"HTTP_CONTENT_ENCODING": "gzip"}, 415),
            ({"body": b"{"}, 400),
            ({"path": "/api/v1/nowhere"}, 404),
            ({"path": "/api/v1/who"}, 401),
            ({"path": "/api/v1/fail/unforeseen"}, 500),
            ({"method": "TRACE"}, 405),
            ({}, 200),
        ],
    )
    def test_are_on_every_answer_of_the_api_and_count_it_once(self, anyone, environ, status):
        response = send(anyone, **environ)

        assert response.status_code == status
        assert response["RateLimit-Policy"] == '"burst";q=100;w=1, "sustained";q=6000;w=60'
        assert '"sustained";r=5999;' in response["RateLimit"]

    @pytest.mark.parametrize("path", ["/page", "/livez", "/nowhere"])
    def test_are_not_on_pages(self, anyone, path):
        assert "RateLimit" not in anyone.get(path)

    def test_refusals_before_any_view_are_limited_too(self, anyone, settings, assert_problem):
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, "default": [("tiny", 2, 60)]}
        for _ in range(2):
            assert send(anyone, HTTP_CONTENT_ENCODING="br").status_code == 415

        assert_problem(send(anyone, HTTP_CONTENT_ENCODING="br"), 429, "rate_limited")


class TestPages:
    def test_the_api_has_no_session(self, anyone, django_assert_num_queries, db):
        with django_assert_num_queries(0):
            response = anyone.get(ECHO, headers={"cookie": "sessionid=" + "x" * 32})

        assert not response.cookies
        assert not hasattr(response.wsgi_request, "session")

    def test_the_api_asks_for_no_csrf_token(self):
        client = Client(enforce_csrf_checks=True)

        assert client.post(ECHO, {}, content_type="application/json").status_code == 200

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("multipart/form-data", b"--x--"),
            ("multipart/form-data; boundary=", b"--x--"),
            ("multipart/form-data; boundary=" + "x" * 300, b"--x--"),
            ("multipart/form-data; boundary=é", b"--x--"),
            (
                "multipart/form-data; boundary=x",
                b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n%s'
                % b"Content-Transfer-Encoding: base64\r\n\r\n!\r\n--x--",
            ),
            ("application/x-www-form-urlencoded; charset=latin-1", b"a=1"),
        ],
    )
    def test_a_form_that_cannot_be_read_is_400(self, assert_problem, log_lines, content_type, body):
        client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        client.cookies["csrftoken"] = "x" * 32

        response = client.generic("POST", "/page", body, content_type=content_type)

        assert_problem(response, 400, "malformed_body")
        assert [line for line in log_lines() if line["level"] == "error"] == []

    def test_a_page_asks_for_one(self, assert_problem, settings):
        settings.CSRF_FAILURE_VIEW = "core.api.errors.csrf_failure"
        client = Client(enforce_csrf_checks=True)

        assert_problem(client.post("/page"), 403, "csrf_failed")
        assert client.get("/page").wsgi_request.session is not None
