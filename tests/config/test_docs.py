"""The documentation is served by the platform itself and needs no inline script."""

import json
import re

import pytest

PAGES = ["/", "/api/docs", "/api/redoc", "/problems"]
ADDRESS = re.compile(r"""(?:src|href|spec-url)=["']([^"']*)["']""")


def _status(client, file: str) -> int:
    answer = client.get(file)
    answer.close()
    return answer.status_code


@pytest.mark.django_db
class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    def test_load_nothing_from_elsewhere(self, client, path):
        page = client.get(path)
        addresses = ADDRESS.findall(page.content.decode())

        assert page.status_code == 200
        assert addresses
        assert [address for address in addresses if not address.startswith(("/", "#"))] == []

    @pytest.mark.parametrize("path", PAGES)
    def test_load_only_what_is_there(self, client, path):
        addresses = ADDRESS.findall(client.get(path).content.decode())
        files = [address for address in addresses if address.startswith("/static/")]

        assert {file: _status(client, file) for file in files} == dict.fromkeys(files, 200)

    @pytest.mark.parametrize("path", PAGES)
    def test_hold_no_inline_script(self, client, path):
        page = client.get(path).content.decode()

        assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
        assert "script-src 'self';" in client.get(path)["Content-Security-Policy"]

    def test_the_schema_is_public_and_openapi_3_1(self, client):
        answer = client.get("/api/schema")

        assert (answer.status_code, answer["Content-Type"]) == (
            200,
            "application/vnd.oai.openapi+json",
        )
        assert json.loads(answer.content)["openapi"] == "3.1.1"

    def test_the_schema_comes_as_yaml_to_who_asks(self, client):
        answer = client.get("/api/schema", headers={"accept": "application/yaml"})

        assert answer["Content-Type"] == "application/vnd.oai.openapi"
        assert answer.content.startswith(b"openapi: 3.1.1")

    def test_an_unchanged_schema_is_not_sent_again(self, client):
        first = client.get("/api/schema")
        second = client.get("/api/schema", headers={"if-none-match": first["ETag"]})

        assert (second.status_code, second.content) == (304, b"")

    def test_swagger_ui_is_told_where_the_schema_is(self, client):
        script = client.get("/api/docs?script=")

        assert script["Content-Type"] == "application/javascript"
        assert '"/api/schema"' in script.content.decode()
