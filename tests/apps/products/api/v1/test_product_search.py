"""The search of GET /products: what is found, what comes first, and that no text is an error."""

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.products.selectors import search
from core.limits import SEARCH_MAX
from tests.factories.products import make_category, make_product, products_url, renew_copies

pytestmark = pytest.mark.django_db


@pytest.fixture
def found(client_of):
    """`found(text, **query)`: the names that a search finds, in its order."""

    def ask(text, **query):
        response = client_of(None).get(products_url(), {"search": text, **query})
        assert response.status_code == 200, response.content
        return [row["name"] for row in response.json()["results"]]

    return ask


def sold(name, **fields):
    """A product whose words are renewed from all that it has."""
    product = make_product(name, **fields)
    renew_copies(product)
    return product


class TestFound:
    def test_every_word_must_be_there(self, found):
        sold("Red cotton shirt")
        sold("Red wool hat")

        assert found("red shirt") == ["Red cotton shirt"]
        assert found("SHIRT red") == ["Red cotton shirt"]
        assert found("red trousers") == []

    def test_the_last_word_may_be_a_beginning(self, found):
        sold("Cordless drill")

        assert found("cordl") == ["Cordless drill"]
        assert found("cordless dr") == ["Cordless drill"]
        assert found("cord drill") == []

    def test_it_looks_at_options_attributes_categories_and_descriptions(self, found):
        tools = make_category("Workshop")
        sold("Driller", options={"colour": "crimson"}, description="Running for hours")
        sold("Sander", category=tools, attributes={"maker": "Makita"})

        assert found("crimson") == ["Driller"]
        assert found("hours") == ["Driller"]
        assert found("workshop makita") == ["Sander"]

    def test_english_words_are_found_by_their_stems(self, found):
        sold("Lamps", description="It runs on batteries")

        assert found("lamp") == found("lamps") == ["Lamps"]
        assert found("running battery") == ["Lamps"]

    def test_words_that_everything_has_are_passed_over(self, found):
        sold("Drill", description="A drill that is for the home")
        sold("The Who")

        assert found("drill for the home") == ["Drill"]
        assert found("the who") == ["The Who"]

    def test_accents_do_not_matter(self, found):
        sold("Crème brûlée")
        sold("Creme caramel")

        assert sorted(found("creme")) == ["Creme caramel", "Crème brûlée"]
        assert found("BRÛLÉE") == found("brulee") == ["Crème brûlée"]
        assert sorted(found("crème")) == ["Creme caramel", "Crème brûlée"]

    def test_words_in_quotes_stand_together(self, found):
        sold("Red shoes")
        sold("Shoes with red laces")

        assert found('"red shoes"') == ["Red shoes"]
        assert len(found("red shoes")) == 2
        assert found('"red sho') == []

    def test_a_word_behind_a_minus_is_not_there(self, found):
        sold("Red shoes")
        sold("Blue shoes")

        assert found("shoes -red") == ["Blue shoes"]
        assert found('shoes -"red shoes"') == ["Blue shoes"]
        assert found("-red") == []
        assert found("t-shirt") == []

    def test_signs_are_no_words(self, found):
        sold("Drill")

        for signs in ("%", "%_", "\\", "(.*)+$", "' OR 1=1 --", "- -", '""', ":*", "!", "&|"):
            assert found(signs) == [], signs
        assert found("drill %") == ["Drill"]
        assert found("-- drill") == ["Drill"]

    def test_narrows_together_with_filters(self, found):
        sold("Cheap drill", price="10")
        sold("Dear drill", price="100")

        assert found("drill", price__lte="50") == ["Cheap drill"]
        assert found("drill", sort="-price") == ["Dear drill", "Cheap drill"]


class TestOrder:
    def test_a_name_comes_before_words_beside_it_and_those_before_the_description(self, found):
        sold("Case", description="For a drill and its bits")
        sold("Bits", attributes={"fits": "drill"})
        sold("Drill press")
        sold("Drill")
        sold("Stand", description="drill drill drill drill")

        assert found("drill")[:3] == ["Drill", "Drill press", "Bits"]
        assert set(found("drill")[3:]) == {"Case", "Stand"}

    def test_an_exact_sku_comes_first(self, found):
        sold("Adapter for AB-100 and AB-1001 drills")
        sold("Drill", sku="AB-100")
        sold("Larger drill", sku="AB-1001")

        assert found("AB-100")[0] == "Drill"
        assert found("ab-1001")[0] == "Larger drill"
        assert set(found("AB-10")) == {
            "Adapter for AB-100 and AB-1001 drills",
            "Drill",
            "Larger drill",
        }

    def test_pages_by_relevance_meet_every_hit_once(self, client_of):
        for number in range(7):
            sold(f"Drill {number % 3}", description="drill " * number)
        client, url, met = client_of(None), products_url() + "?search=drill&limit=2", []

        while url:
            page = client.get(url).json()
            met += [row["id"] for row in page["results"]]
            url = page["next"]

        assert len(met) == len(set(met)) == 7
        back = page["previous"]
        assert len(client.get(back).json()["results"]) == 2

    def test_of_more_hits_the_best_selling_are_ranked_and_the_sku(self, found, monkeypatch):
        monkeypatch.setattr(search, "RANKED_MAX", 2)
        sold("Drill", sku="DRILL")
        for number in range(4):
            sold(f"Drill {number}", popularity=number)

        assert found("drill") == ["Drill", "Drill 2", "Drill 3"]
        assert len(found("drill", sort="-created_at")) == 5

    def test_may_be_turned_round(self, found):
        sold("Drill")
        sold("Drill press")

        assert found("drill", sort="-relevance") == ["Drill press", "Drill"]


class TestAnyText:
    @hypothesis_settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        text=st.text(
            st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
            min_size=1,
            max_size=SEARCH_MAX,
        )
    )
    @example(text="ﷺ" * SEARCH_MAX)
    @example(text="x" * SEARCH_MAX)
    @example(text="'\\'':*|&!()<->\"")
    @example(text="a\\")
    @example(text="\"a' & b")
    @example(text="https://example.org/a?b=c#d user@example.org 1.5e-3")
    @example(text="²")
    def test_is_a_question(self, client_of, text):
        answer = client_of(None).get(products_url(), {"search": text, "facets": "price"})

        words = sum(len(match.group().strip('-"').split()) for match in search.TERM.finditer(text))
        assert answer.status_code == 200 or words > search.WORDS_MAX, answer.content

    @pytest.mark.parametrize("text", ["x" * 201, "word " * 8 + "word", '"' + "w " * 9 + '"'])
    def test_is_not_too_long(self, client_of, assert_problem, text):
        answer = client_of(None).get(products_url(), {"search": text})

        assert_problem(answer, 400, "invalid_parameter", at=("search", "max_length"))
