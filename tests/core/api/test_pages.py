import pytest

from core.api.pages import explanation
from core.api.problems import known_errors
from core.api.refusals import DuplicateKeyError
from core.errors import ForbiddenError


class TestProblemPage:
    @pytest.mark.parametrize("code", sorted(known_errors()))
    def test_exists_for_every_code(self, anyone, code):
        response = anyone.get(f"/problems/{code}")

        assert response.status_code == 200
        assert known_errors()[code].title.split("'")[0] in response.content.decode()

    def test_is_small_and_loads_nothing(self, anyone):
        content = anyone.get("/problems/duplicate_key").content

        assert len(content) < 2_000
        assert b"src=" not in content
        assert b"<script" not in content

    @pytest.mark.parametrize("code", ["nothing", "Validation_Failed", "error"])
    def test_of_an_unknown_code_is_404(self, anyone, assert_problem, code):
        assert_problem(anyone.get(f"/problems/{code}"), 404, "not_found")

    def test_of_every_code_is_linked_from_the_index(self, anyone):
        index = anyone.get("/problems").content.decode()

        assert [code for code in known_errors() if f"'/problems/{code}'" not in index] == []

    @pytest.mark.parametrize("path", ["/problems", "/problems/not_found"])
    @pytest.mark.parametrize("method", ["post", "put", "delete"])
    def test_takes_get_alone(self, anyone, assert_problem, path, method):
        response = getattr(anyone, method)(path)

        assert_problem(response, 405, "method_not_allowed")
        assert response["Allow"] == "GET, HEAD"


class TestExplanation:
    def test_is_the_first_paragraph_of_the_class(self):
        assert explanation(DuplicateKeyError).startswith("An object names one key twice")

    def test_of_a_class_without_words_is_empty(self):
        assert explanation(ForbiddenError) == ""
