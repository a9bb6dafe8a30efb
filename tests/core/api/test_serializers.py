"""docs/subsystems/requests.md, fields."""

import io

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.core.api.urls import ThingIn

URL = "/api/v1/things"
UUID_TEXT = "0190a000-0000-7000-8000-00000000a11c"


def post(client, method="post", **fields):
    return getattr(client, method)(URL, fields, content_type="application/json")


class TestInputSerializer:
    def test_takes_every_field_of_its_type(self, anyone):
        sent = {
            "name": "kettle",
            "count": 3,
            "ratio": 0.5,
            "flag": None,
            "price": "19.99",
            "id": UUID_TEXT,
            "tags": ["a", "b"],
            "sizes": {"l": 4},
            "kind": "a",
        }

        response = post(anyone, **sent)

        assert (response.status_code, response.json()) == (200, sent)

    def test_unknown_fields_are_named(self, anyone, assert_problem):
        problem = assert_problem(
            post(anyone, name="x", nmae="y", **{"a/b": 1}), 400, "validation_failed"
        )

        assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [
            ("#/nmae", "unknown_field"),
            ("#/a~1b", "unknown_field"),
        ]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", 1),
            ("name", True),
            ("name", ["x"]),
            ("name", {}),
            ("name", 1.5),
            ("count", "1"),
            ("count", True),
            ("count", 1.0),
            ("count", 1.5),
            ("count", [1]),
            ("count", {}),
            ("ratio", "1.5"),
            ("ratio", True),
            ("ratio", "nan"),
            ("ratio", "1_000"),
            ("ratio", []),
            ("flag", "true"),
            ("flag", 1),
            ("flag", "yes"),
            ("flag", 0.0),
            ("price", 19.99),
            ("price", 19),
            ("price", True),
            ("id", 1),
            ("id", 2**127),
            ("tags", "a"),
            ("tags", {"0": "a"}),
            ("sizes", [1]),
            ("sizes", "x"),
            ("kind", 1),
            ("kind", True),
            ("kind", ["a"]),
        ],
    )
    def test_another_json_type_is_refused(self, anyone, assert_problem, field, value):
        response = post(anyone, **{"name": "x", field: value})

        assert_problem(response, 400, "validation_failed", at=(f"#/{field}", "invalid_type"))

    @pytest.mark.parametrize(
        ("field", "value", "at"),
        [
            ("tags", ["a", 1], ("#/tags/1", "invalid_type")),
            ("tags", ["a", "toolong"], ("#/tags/1", "max_length")),
            ("sizes", {"l": "4"}, ("#/sizes/l", "invalid_type")),
            ("sizes", {"l": True}, ("#/sizes/l", "invalid_type")),
            ("count", -1, ("#/count", "min_value")),
            ("count", None, ("#/count", "null")),
            ("name", "x" * 11, ("#/name", "max_length")),
            ("name", "x" * 100_000, ("#/name", "max_length")),
            ("name", "  ", ("#/name", "blank")),
            ("kind", "c", ("#/kind", "invalid_choice")),
            ("id", "1", ("#/id", "invalid")),
            ("price", "NaN", ("#/price", "invalid")),
            ("price", "1e1000000", ("#/price", "max_digits")),
            ("price", "1.999", ("#/price", "max_decimal_places")),
        ],
    )
    def test_a_value_it_cannot_have_is_refused_where_it_stands(
        self, anyone, assert_problem, field, value, at
    ):
        assert_problem(post(anyone, **{"name": "x", field: value}), 400, "validation_failed", at=at)

    def test_missing_fields_are_named(self, anyone, assert_problem):
        assert_problem(post(anyone), 400, "validation_failed", at=("#/name", "required"))

    def test_every_fault_is_listed(self, anyone, assert_problem):
        problem = assert_problem(
            post(anyone, name=1, count="1", other=2, kind="c"), 400, "validation_failed"
        )

        assert {e["pointer"] for e in problem["errors"]} == {
            "#/name",
            "#/count",
            "#/other",
            "#/kind",
        }
        assert problem["detail"] == "4 fields are invalid."

    def test_nested_objects_are_as_strict(self, anyone, assert_problem):
        things = [{"name": "x"}, {"name": "y", "cuont": 1}, {"name": 2}, "z"]

        problem = assert_problem(
            post(anyone, "put", things=things, first={"name": None}), 400, "validation_failed"
        )

        assert {(e["pointer"], e["code"]) for e in problem["errors"]} >= {
            ("#/things/3", "invalid_type"),
            ("#/first/name", "null"),
        }
        problem = assert_problem(post(anyone, "put", things=things[:3]), 400, "validation_failed")
        assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [
            ("#/things/1/cuont", "unknown_field"),
            ("#/things/2/name", "invalid_type"),
        ]

    def test_text_is_brought_to_nfc_before_it_is_measured(self, anyone):
        assert post(anyone, name="e\u0301" * 6).json()["name"] == "\u00e9" * 6

    def test_length_counts_code_points(self, anyone):
        assert post(anyone, name="\U0001f600" * 10).status_code == 200
        assert post(anyone, name="\U0001f600" * 11).status_code == 400

    @pytest.mark.parametrize("text", ["a\x00", "\ud800", "\udfffx"])
    def test_nul_and_lone_surrogates_are_refused_wherever_they_come_from(self, text):
        thing = ThingIn(data={"name": text})

        assert not thing.is_valid()
        assert thing.errors["name"][0].code == "forbidden_character"

    @given(st.text(min_size=1, max_size=10))
    @hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def test_any_other_text_is_taken_or_refused_by_name(self, anyone, text):
        response = post(anyone, name=text)

        assert response.status_code in {200, 400}
        if response.status_code == 400:
            assert response.json()["code"] in {"validation_failed", "forbidden_character"}


class TestForms:
    def test_fields_and_files_come_apart(self, anyone):
        from django.core.files.uploadedfile import SimpleUploadedFile

        response = anyone.post(
            "/api/v1/form", {"name": "é", "file": SimpleUploadedFile("x.csv", b"a,b")}
        )

        assert response.json() == {"fields": {"name": "é"}, "files": {"file": "a,b"}}

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("multipart/form-data", b"--x--"),
            ("multipart/form-data; boundary=", b"--x--"),
            ("multipart/form-data; boundary=" + "x" * 300, b"--x--"),
            ("multipart/form-data; boundary=é", b"--x--"),
        ],
    )
    def test_without_a_boundary_are_400(self, anyone, assert_problem, content_type, body):
        response = anyone.generic("POST", "/api/v1/form", body, content_type=content_type)

        assert_problem(response, 400, "malformed_body")

    @pytest.mark.parametrize(
        ("values", "code"),
        [({"a": ["1", "2"]}, "duplicate_key"), ({"a": "x\x00"}, "forbidden_character")],
    )
    def test_fields_twice_or_with_nul_are_400(self, anyone, assert_problem, values, code):
        assert_problem(anyone.post("/api/v1/form", values), 400, code)

    def test_too_many_fields_are_413(self, anyone, assert_problem):
        fields = {f"f{n}": "1" for n in range(2_001)}

        assert_problem(anyone.post("/api/v1/form", fields), 413, "body_too_large")

    def test_too_many_files_are_413(self, anyone, assert_problem):
        from django.core.files.uploadedfile import SimpleUploadedFile

        files = {f"f{n}": SimpleUploadedFile("x", b"x") for n in range(101)}

        assert_problem(anyone.post("/api/v1/form", files), 413, "body_too_large")

    FORM = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'

    def send(self, client, body, announced):
        return client.generic(
            "POST",
            "/api/v1/form",
            CONTENT_TYPE="multipart/form-data; boundary=x",
            CONTENT_LENGTH=str(announced),
            **{"wsgi.input": io.BytesIO(body)},
        )

    def test_with_text_after_their_end_are_read(self, anyone):
        response = anyone.generic(
            "POST",
            "/api/v1/form",
            self.FORM + b"epilogue",
            content_type='multipart/form-data; boundary="x"',
        )

        assert response.json() == {"fields": {"a": "1"}, "files": {}}

    @pytest.mark.parametrize("size", [1, 4, 20, len(FORM) - 7, len(FORM) - 4, len(FORM) - 3])
    @pytest.mark.parametrize("announced", [None, 900])
    def test_cut_off_are_400(self, anyone, assert_problem, size, announced):
        response = self.send(anyone, self.FORM[:size], announced or size)

        assert_problem(response, 400, "malformed_body")

    def test_cut_off_after_their_end_are_400(self, anyone, assert_problem):
        assert_problem(self.send(anyone, self.FORM, 900), 400, "body_unreadable")
