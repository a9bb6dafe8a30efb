"""What the proxy lets through: sizes as in the settings; its refusals are problems too."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from django.conf import settings

from apps.products.services.images import limits as images
from apps.products.services.imports import limits as imports
from core import limits
from core.api.problems import known_errors

UNITS = {"k": 1024, "m": 1024**2}


@pytest.fixture(scope="module")
def routes(docker):
    return (docker / "nginx/routes.conf").read_text()


@pytest.fixture(scope="module")
def problems(docker):
    return (docker / "nginx/problems.conf").read_text()


def run(*command):
    return subprocess.run(
        [str(part) for part in command], check=False, capture_output=True, text=True
    )


def bytes_of(text):
    return int(text[:-1]) * UNITS[text[-1]]


def body_cap(routes, path):
    """client_max_body_size where the path goes: of the first regex that fits, else the server's."""
    for pattern, block in re.findall(r"location ~ (\S+) \{(.*?)\n\}", routes, re.DOTALL):
        found = re.search(r"client_max_body_size (\w+);", block)
        if re.search(pattern, path) and found:
            return bytes_of(found.group(1))
    return bytes_of(re.search(r"^client_max_body_size (\w+);", routes, re.MULTILINE).group(1))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/login", limits.JSON_MAX_BODY),
        ("/api/v1/me", limits.JSON_MAX_BODY),
        ("/api/v1/models/churn/aliases/champion", limits.JSON_MAX_BODY),
        ("/api/v1/predict", "PREDICT_MAX_BODY_BYTES"),
        ("/api/v1/models/churn/predict", "PREDICT_MAX_BODY_BYTES"),
        ("/api/v1/models/churn/versions/7/predict", "PREDICT_MAX_BODY_BYTES"),
        ("/api/v1/models/churn/aliases/champion/predict", "PREDICT_MAX_BODY_BYTES"),
        ("/api/v1/models", "ARTEFACT_MAX_BYTES"),
        ("/api/v1/models/churn/versions", "ARTEFACT_MAX_BYTES"),
        ("/api/v1/batch-predictions", "BATCH_MAX_BYTES"),
        ("/api/v1/products/1/images", images.FILE_MAX + limits.MULTIPART_OVERHEAD),
        ("/api/v1/products/1/reviews", limits.JSON_MAX_BODY),
        ("/api/v1/product-imports", imports.FILE_MAX + limits.MULTIPART_OVERHEAD),
    ],
)
def test_a_body_may_be_as_large_as_its_route_takes(routes, path, expected):
    if isinstance(expected, str):
        overhead = 0 if expected.startswith("PREDICT") else limits.MULTIPART_OVERHEAD
        expected = getattr(settings, expected) + overhead
    assert body_cap(routes, path) == expected


def test_counters_are_hidden(routes):
    assert re.search(r"location = /metrics \{\s+return 404;\s+\}", routes)


def test_passwords_cannot_be_tried_in_floods(routes):
    pattern = re.search(r"location ~ (\S+) \{\s+limit_req zone=credentials", routes).group(1)
    for path in (
        "/api/v1/login",
        "/api/v1/register",
        "/api/v1/token/refresh",
        "/api/v1/password-resets",
        "/api/v1/password-resets/confirm",
        "/api/v1/email-confirmations",
        "/oauth/token",
        "/oauth/introspect",
        "/account/login",
        "/account/password-reset",
        "/account/password-reset/confirm",
    ):
        assert re.search(pattern, path), path
    assert not re.search(pattern, "/api/v1/me")
    assert re.search(
        r"location = /admin/login/ \{\s+include agora/admin-access.conf;\s+limit_req", routes
    )
    assert not re.search(pattern, "/oauth/authorize")


def test_what_callers_say_about_themselves_is_overwritten(docker):
    text = (docker / "nginx/proxy.conf").read_text()
    headers = dict(re.findall(r'^proxy_set_header (\S+) "?([^";]*)"?;', text, re.MULTILINE))
    assert headers["X-Forwarded-For"] == "$remote_addr"
    assert headers["X-Forwarded-Proto"] == "$scheme"
    assert {headers[name] for name in ("X-Forwarded-Host", "X-Real-IP", "Forwarded")} == {""}
    # A location with one of its own would lose all of these.
    assert "proxy_set_header" not in (docker / "nginx/routes.conf").read_text()


def test_a_write_is_never_sent_twice(docker):
    text = (docker / "nginx/proxy.conf").read_text()
    assert re.findall(r"^proxy_next_upstream (.*);", text, re.MULTILINE) == ["error timeout"]


def test_the_version_is_not_told(docker):
    assert "server_tokens off;" in (docker / "nginx.conf").read_text()


def test_the_log_holds_no_query_and_no_token(docker):
    text = (docker / "nginx.conf").read_text()
    form = re.search(r"log_format agora.*?;", text, re.DOTALL).group(0)
    for secret in (
        "$request_uri",
        "$request ",
        "$args",
        "$query_string",
        "authorization",
        "cookie",
    ):
        assert secret not in form.lower()


def test_every_refusal_is_a_problem_that_the_platform_knows(problems):
    pages = dict(re.findall(r"^error_page ([\d ]+?)(?: =)? (\S+);", problems, re.MULTILINE))
    found = re.findall(
        r"location (?:= )?(\S+) \{(.*?)return (\d+) '(.*?)';\n\}", problems, re.DOTALL
    )
    assert {name for name, *_ in found} == set(pages.values())
    for name, headers, status, body in found:
        problem = json.loads(body)
        assert problem["status"] == int(status), name
        assert problem["type"] == f"/problems/{problem['code']}", name
        assert problem["code"] in known_errors(), name
        assert {"title", "detail", "request_id"} <= set(problem), name
        assert "internal;" in headers, name
        assert "include agora/problem.conf;" in headers, name
        assert ("Retry-After" in headers) is (status in {"429", "503"}), name


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
@pytest.mark.parametrize("servers", ["plain", "tls"])
def test_nginx_takes_it(docker, tmp_path, servers):
    """The real files, with addresses and places that exist here."""
    shutil.copytree(docker / "nginx", tmp_path / "agora")
    text = (docker / "nginx.conf").read_text()
    text = re.sub(r"server web\d:8000", "server 127.0.0.1:8000", text)
    text = text.replace("/tmp/", f"{tmp_path}/").replace("/dev/stdout", f"{tmp_path}/access.log")  # noqa: S108 - nginx's own, in its container
    (tmp_path / "nginx.conf").write_text(text)
    make_certificate(tmp_path)
    chosen = (docker / f"nginx/{servers}.conf").read_text().replace("/etc/agora/tls", str(tmp_path))
    (tmp_path / "nginx-servers.conf").write_text(chosen)
    done = run("nginx", "-t", "-c", tmp_path / "nginx.conf")
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def make_certificate(folder):
    names = ("-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem")
    kind = ("-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost")
    assert run("openssl", "req", *kind, *names).returncode == 0
