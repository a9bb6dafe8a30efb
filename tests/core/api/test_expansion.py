"""What may be expanded, how deep, and how the document says so."""

import pytest
from rest_framework import serializers

from core.api.columns import reads_of
from core.api.expansion import DEPTH_MAX, WHOLE, Expansion, Selection, paths_of
from core.api.schema.selecting import expand_parameter, show_expanded
from core.api.selection import variant_of
from core.api.serializers import ComputedField, OutputSerializer


class CountryOut(OutputSerializer):
    code = serializers.CharField()


class CityOut(OutputSerializer):
    expandable = {"country": Expansion(CountryOut, "places:read")}

    name = serializers.CharField()
    country = serializers.CharField(source="country.code", help_text="Its code.")


class StreetOut(OutputSerializer):
    expandable = {"city": Expansion(CityOut, "places:read")}

    name = serializers.CharField()
    city_id = serializers.UUIDField()


class HouseOut(OutputSerializer):
    expandable = {"street": Expansion(StreetOut, "places:read", source="road")}

    number = serializers.IntegerField()
    size = ComputedField(int, of=("width", "road.width"), shape=serializers.IntegerField())


class GuessedOut(OutputSerializer):
    guess = serializers.SerializerMethodField()


class TestPaths:
    def test_are_two_objects_deep_at_most(self):
        assert DEPTH_MAX == 2
        assert paths_of(HouseOut) == ["street", "street.city"]
        assert paths_of(StreetOut) == ["city", "city.country"]
        assert paths_of(CountryOut) == []


class TestReads:
    def test_are_the_columns_and_joins_of_what_is_shown(self):
        reads = reads_of(HouseOut, WHOLE)

        assert reads.columns == {"number", "width", "road__width"}
        assert (reads.joins, reads.is_known) == ({"road"}, True)

    def test_follow_the_fields(self):
        reads = reads_of(HouseOut, Selection(frozenset({"number"})))

        assert (reads.columns, reads.joins) == ({"number"}, set())

    def test_follow_the_expansion_with_the_version_for_its_tag(self):
        expansion = HouseOut.expandable["street"]
        reads = reads_of(HouseOut, Selection(frozenset({"street"}), {"street": (expansion, WHOLE)}))

        assert reads.columns == {"road__name", "road__city_id", "road__row_version"}
        assert reads.joins == {"road"}

    def test_are_whole_rows_where_a_method_may_need_anything(self):
        assert reads_of(GuessedOut, WHOLE).is_known is False


class TestVariant:
    def test_is_none_of_the_whole(self):
        assert variant_of(WHOLE) == ""

    @pytest.mark.parametrize("other", [Selection(frozenset({"a"})), Selection(frozenset())])
    def test_is_another_for_another_selection(self, other):
        assert variant_of(other) not in {"", variant_of(Selection(frozenset({"b"})))}

    def test_is_another_for_another_state(self):
        assert len({variant_of(WHOLE, state) for state in ((), (1,), (2,), ((1,), 2))}) == 4


class TestSchema:
    def test_names_what_may_be_expanded(self):
        shown = expand_parameter(["street", "street.city"])

        assert shown["schema"]["items"]["enum"] == ["street", "street.city"]
        assert (shown["style"], shown["explode"]) == ("form", False)

    def test_says_key_or_object_of_a_member_that_is_a_key(self):
        schema = {"properties": {"country": {"type": "string", "description": "Its code."}}}

        show_expanded(schema, CityOut(), lambda kind: {"$ref": kind.__name__})

        assert schema["properties"]["country"] == {
            "oneOf": [{"type": "string"}, {"$ref": "CountryOut"}],
            "readOnly": True,
            "description": "Its code. The object with `expand=country`.",
        }

    def test_says_object_or_null_of_a_member_that_comes_beside(self):
        schema = {"properties": {}}

        show_expanded(schema, StreetOut(), lambda kind: {"$ref": kind.__name__})

        assert schema["properties"]["city"]["oneOf"] == [{"$ref": "CityOut"}, {"type": "null"}]
