import json
import re

import pytest

from core.api.advice import ADVICE
from core.api.errors import STATUS_OF, status_of
from core.api.explanations import explain, explanation
from core.api.problems import known_errors
from core.api.refusals import DuplicateKeyError
from core.errors import DomainError

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}  # as browsers send it


class TestProblemPage:
    @pytest.mark.parametrize("code", sorted(known_errors()))
    def test_exists_for_every_code(self, anyone, code):
        response = anyone.get(f"/problems/{code}")

        assert response.status_code == 200
        assert known_errors()[code].title.split("'")[0] in response.content.decode()

    def test_says_status_what_has_happened_what_to_do_and_how_it_looks(self, anyone):
        page = anyone.get("/problems/duplicate_key", headers=HTML).content.decode()

        assert '<span class="status">400</span>' in page
        assert "An object names one key twice, so what was meant is unknown." in page
        assert "Send each key once." in page
        assert "No: it is refused each time." in page
        assert "&quot;type&quot;: &quot;/problems/duplicate_key&quot;" in page

    def test_names_the_operations_that_answer_it(self, anyone):
        page = anyone.get("/problems/idempotency_key_reused").content.decode()

        assert "<code>POST /api/v1/jobs</code>" in page
        assert "<code>GET /api/v1/entries</code>" not in page

    def test_of_what_any_operation_may_answer_names_none(self, anyone):
        page = anyone.get("/problems/malformed_query").content.decode()

        assert "Any may, whose call is like that." in page

    def test_loads_its_style_alone_and_runs_nothing(self, anyone):
        page = anyone.get("/problems/duplicate_key").content.decode()

        assert set(re.findall(r'(?:src|href)="(/static[^"]+)"', page)) == {
            "/static/agora/favicon.svg",
            "/static/agora/page.css",
        }
        assert "<script" not in page

    @pytest.mark.parametrize(
        ("accept", "kind"),
        [
            (None, "text/html; charset=utf-8"),
            ("*/*", "text/html; charset=utf-8"),
            (HTML["Accept"], "text/html; charset=utf-8"),
            ("application/json", "application/json"),
            ("application/problem+json, application/json", "application/json"),
        ],
    )
    def test_is_what_accept_asks_for(self, anyone, accept, kind):
        headers = {"Accept": accept} if accept else {}

        response = anyone.get("/problems/not_found", headers=headers)

        assert response["Content-Type"] == kind
        assert "Accept" in response["Vary"]

    def test_is_the_same_as_json(self, anyone):
        told = json.loads(
            anyone.get("/problems/lock_timeout", headers={"Accept": "application/json"}).content
        )

        assert told == {
            "code": "lock_timeout",
            "status": 503,
            "title": known_errors()["lock_timeout"].title,
            "text": "Others are changing the same rows. Nothing was changed; try again.",
            "remedy": ADVICE[503].remedy,
            "again": "Yes, after `Retry-After`, each time waiting longer.",
            "example": {
                "type": "/problems/lock_timeout",
                "title": known_errors()["lock_timeout"].title,
                "status": 503,
                "detail": known_errors()["lock_timeout"].title,
                "instance": "/api/v1/…",
                "code": "lock_timeout",
                "request_id": "req_0198c0ffee7a7000a0000123456789ab",
            },
            "operations": [],
        }

    @pytest.mark.parametrize("code", ["nothing", "Validation_Failed", "error"])
    def test_of_an_unknown_code_is_404(self, anyone, assert_problem, code):
        answer = anyone.get(f"/problems/{code}")

        assert_problem(answer, 404, "not_found")
        assert answer.json()["detail"] == "There is no problem of this code. /problems lists all."

    @pytest.mark.parametrize("path", ["/problems", "/problems/not_found"])
    @pytest.mark.parametrize("method", ["post", "put", "delete"])
    def test_takes_get_alone(self, anyone, assert_problem, path, method):
        response = getattr(anyone, method)(path)

        assert_problem(response, 405, "method_not_allowed")
        assert response["Allow"] == "GET, HEAD"


class TestProblemIndexPage:
    def test_links_to_every_code(self, anyone):
        index = anyone.get("/problems").content.decode()

        assert [code for code in known_errors() if f'"/problems/{code}"' not in index] == []

    def test_says_of_every_status_what_may_be_sent_again(self, anyone):
        index = anyone.get("/problems").content.decode()
        again = index.partition("All codes")[0]

        assert re.findall(r'class="status">(\d+)<', again) == [str(status) for status in ADVICE]

    def test_is_a_list_as_json(self, anyone):
        told = anyone.get("/problems", headers={"Accept": "application/json"}).json()

        assert {row["code"]: row["status"] for row in told["results"]} == {
            code: status_of(error) for code, error in known_errors().items()
        }


class TestExplanation:
    def test_is_the_first_paragraph_of_the_class(self):
        assert explanation(DuplicateKeyError).startswith("An object names one key twice")

    def test_is_there_for_every_code(self):
        assert [code for code, error in known_errors().items() if not explanation(error)] == []

    def test_of_a_class_without_words_is_empty(self):
        class WordlessError(DomainError): ...

        assert explanation(WordlessError) == ""

    def test_of_an_unknown_code_is_none(self):
        assert explain("nothing") is None


class TestAdvice:
    def test_is_there_for_every_status_that_an_error_has(self):
        assert set(ADVICE) == set(STATUS_OF.values())
