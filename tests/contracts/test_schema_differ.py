"""The schema differ on small documents: what breaks each rule, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.schema_differ import RULES
from tests.contracts.small_documents import (
    STRING,
    asking,
    document,
    found,
    parameter,
    rules,
    taking,
    things,
)

GUIDE = Path(__file__).resolve().parents[2] / "docs/how-to/change-the-api.md"


class TestOperations:
    def test_the_same_document_breaks_nothing(self):
        assert found(document(), document()) == []

    def test_one_may_be_added(self):
        new = document()
        new["paths"]["/others"] = {"get": new["paths"]["/things"]["get"]}
        new["paths"]["/things"]["post"] = new["paths"]["/things"]["get"]

        assert found(document(), new) == []

    def test_one_may_not_be_removed(self):
        assert found(document(), {"paths": {}}) == [
            ("operation_removed", "GET /things", "there is no such operation")
        ]
        assert rules(document(), {"paths": {"/things": {}}}) == ["operation_removed"]

    @pytest.mark.parametrize(
        ("marks", "broken"),
        [
            ({"deprecated": True, "x-sunset": "2026-06-01"}, []),
            ({"deprecated": True, "x-sunset": "2026-06-02"}, ["operation_removed"]),
            ({"deprecated": True}, ["operation_removed"]),
            ({"x-sunset": "2026-06-01"}, ["operation_removed"]),
        ],
    )
    def test_one_may_go_once_it_is_deprecated_and_past_its_sunset(self, marks, broken):
        assert rules(document(**marks), {"paths": {}}) == broken

    def test_keep_their_ids(self):
        assert found(document(), document(operationId="things_list")) == [
            ("operation_id_changed", "GET /things", "it was list_things, now things_list")
        ]

    @pytest.mark.parametrize(
        ("before", "after", "broken"),
        [
            (None, "any", ["scope_tightened"]),
            (None, "things:read", ["scope_tightened"]),
            ("any", "things:read", ["scope_tightened"]),
            ("things:read", "things:write", ["scope_tightened"]),
            ("things:read", "any", []),
            ("things:read", None, []),
            ("any", None, []),
        ],
    )
    def test_ask_for_no_more_scope_than_before(self, before, after, broken):
        old, new = document(), document()
        for side, scope in ((old, before), (new, after)):
            side["paths"]["/things"]["get"]["x-required-scope"] = scope
        assert rules(old, new) == broken

    def test_go_on_taking_each_kind_of_credential(self):
        new = document(security=[{"bearer": ["things:read"]}])

        assert found(document(), new) == [("security_narrowed", "GET /things", "oauth2")]
        assert found(new, document()) == []
        assert found(document(), document(security=[])) == []

    def test_do_not_begin_to_ask_for_a_precondition(self):
        new = document(responses={"200": {}, "428": {}})

        assert rules(document(), new) == ["precondition_required"]
        assert rules(new, new) == []


class TestParameters:
    def test_may_be_added_if_they_are_optional(self):
        assert rules(document(), asking(parameter())) == []
        assert found(document(), asking(parameter(required=True))) == [
            ("parameter_required", "GET /things", "limit")
        ]

    def test_may_not_become_required(self):
        assert rules(asking(parameter()), asking(parameter(required=True))) == [
            "parameter_required"
        ]

    def test_may_not_begin_to_ask_for_an_idempotency_key(self):
        key = parameter("Idempotency-Key", "header")

        assert rules(asking(key), asking({**key, "required": True})) == ["idempotency_required"]
        assert rules(asking({**key, "required": True}), asking(key)) == []

    def test_may_not_be_removed_before_their_sunset(self):
        marks = {"deprecated": True, "x-sunset": "2026-05-01"}

        assert found(asking(parameter()), document()) == [
            ("parameter_removed", "GET /things", "limit")
        ]
        assert rules(asking(parameter(**marks)), document()) == []

    def test_are_told_apart_by_where_they_stand(self):
        moved = asking(parameter(place="header"))

        assert rules(asking(parameter()), moved) == ["parameter_removed"]

    def test_may_not_take_less(self):
        old, new = (asking(parameter(schema={"type": "integer", "maximum": n})) for n in (9, 8))

        assert found(old, new) == [
            ("limit_narrowed", "GET /things, query parameter limit", "maximum was 9, now 8")
        ]
        assert found(new, old) == []

    def test_go_on_being_written_the_same_way(self):
        joined, single = (asking(parameter(style="form", explode=how)) for how in (False, True))

        assert found(joined, single) == [
            (
                "spelling_changed",
                "GET /things, query parameter limit",
                "it was form, joined, now form, one by one",
            )
        ]
        assert found(single, asking(parameter())) == []

    def test_may_stand_among_the_components(self):
        old, new = asking({"$ref": "#/components/parameters/Limit"}), asking()
        old["components"]["parameters"] = {"Limit": parameter()}

        assert rules(old, new) == ["parameter_removed"]


class TestBodies:
    def test_may_not_become_required(self):
        assert rules(document(), taking(STRING)) == ["body_required"]
        assert rules(taking(STRING, required=False), taking(STRING)) == ["body_required"]
        assert rules(document(), taking(STRING, required=False)) == []

    def test_may_not_be_taken_away(self):
        assert rules(taking(STRING), document()) == ["body_removed"]

    def test_go_on_being_read_in_each_form(self):
        old, new = taking(STRING), taking(STRING, kind="text/csv")

        assert found(old, new) == [
            ("request_media_type_removed", "GET /things", "application/json")
        ]


class TestAnswers:
    def test_may_lose_a_refusal_but_no_success(self):
        old = document(responses={"200": {}, "304": {}, "409": {}})

        assert found(old, document(responses={"200": {}, "304": {}})) == []
        assert found(old, document(responses={"409": {}})) == [
            ("response_removed", "GET /things", "200"),
            ("response_removed", "GET /things", "304"),
        ]

    def test_may_be_added(self):
        assert found(document(), document(responses={"200": {}, "202": {}, "410": {}})) == []

    def test_keep_their_forms_and_headers(self):
        old = document(
            responses={"200": {"headers": {"ETag": {}, "Link": {}}, "content": {"text/csv": {}}}}
        )
        new = document(responses={"200": {"headers": {"Link": {}}, "content": {}}})

        assert found(old, new) == [
            ("header_removed", "GET /things, answer 200", "ETag"),
            ("response_media_type_removed", "GET /things, answer 200", "text/csv"),
        ]


class TestWebhooks:
    def hooks(self, schema):
        body = {"content": {"application/json": {"schema": schema}}}
        return {"paths": {}, "webhooks": {"thing.made": {"post": {"requestBody": body}}}}

    def test_are_read_like_answers(self):
        old, new = self.hooks(things({"a": STRING}, "a")), self.hooks(things({}))

        assert found(old, new) == [("member_removed", "webhook thing.made, body #", "a")]
        assert found(new, old) == []

    def test_may_not_stop(self):
        assert rules(self.hooks(things({})), {"paths": {}}) == ["webhook_removed"]


class TestRules:
    def test_are_those_that_the_how_to_tells(self):
        told = [
            line.split("|")[1].strip(" `")
            for line in GUIDE.read_text().splitlines()
            if line.startswith("| `")
        ]

        assert sorted(told) == sorted(RULES)
