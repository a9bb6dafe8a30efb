"""`expand`, `fields` and tags of models and versions."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.ml_models.models import ModelVersion, RegisteredModel

pytestmark = pytest.mark.django_db

URL = "/api/v1/models"
VERSIONS = f"{URL}/plain/versions"
READY = {
    "state": "ready",
    "artefact_digest": "a" * 64,
    "manifest": {},
    "signature": {"features": [], "outputs": []},
    "engine": "litert",
}


@pytest.fixture
def reader(client_of, alice):
    return client_of(alice)


def make_versions(count, model=None, **fields):
    model = model or RegisteredModel.objects.create(name="plain", description="No network.")
    first = model.versions.count() + 1
    for number in range(first, first + count):
        ModelVersion.objects.create(
            model=model,
            number=number,
            upload_digest="0" * 64,
            upload_bytes=1,
            validated_at=timezone.now() if fields else None,
            **fields,
        )
    return model


def statements(client, url):
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    assert response.status_code == 200, response.content
    return len(captured), response.json()


class TestExpand:
    def test_puts_the_model_in_the_place_of_its_name(self, reader):
        model = make_versions(1, **READY)
        model.aliases.create(alias="canary", version=model.versions.get(), generation=1)
        whole = reader.get(URL).json()["results"][0]

        assert reader.get(VERSIONS).json()["results"][0]["model"] == "plain"
        listed = reader.get(f"{VERSIONS}?expand=model").json()["results"][0]
        assert listed["model"] == whole
        assert reader.get(f"{VERSIONS}/1?expand=model").json()["model"] == whole

    def test_costs_as_many_statements_for_one_as_for_fifty(self, reader):
        model = make_versions(1)
        url = f"{VERSIONS}?expand=model&limit=50"
        reader.get(url)
        one, _ = statements(reader, url)

        make_versions(49, model)

        many, body = statements(reader, url)
        assert (many, len(body["results"])) == (one, 50)

    def test_picks_its_members(self, reader):
        make_versions(1)

        answer = reader.get(f"{VERSIONS}/1?expand=model&fields=version,model.description").json()

        assert answer == {"model": {"description": "No network."}, "version": 1}

    def test_knows_nothing_else(self, reader, assert_problem):
        make_versions(1)

        answer = reader.get(f"{VERSIONS}?expand=model.aliases")

        assert_problem(answer, 400, "invalid_parameter", at=("expand", "invalid_choice"))

    def test_is_not_there_where_nothing_can_be_expanded(self, reader, assert_problem):
        answer = reader.get(f"{URL}?expand=champion")

        assert_problem(answer, 400, "unknown_parameter", at=("expand", "unknown_parameter"))


class TestTag:
    def test_moves_with_the_expanded_model_and_its_aliases(self, reader):
        model = make_versions(1, **READY)
        url = f"{VERSIONS}/1?expand=model"
        tags = [reader.get(url)["ETag"]]
        assert reader.get(url, HTTP_IF_NONE_MATCH=tags[0]).status_code == 304

        model.description = "Still none."
        model.save(update_fields=["description"])
        tags.append(reader.get(url)["ETag"])
        make_versions(1, model, **READY)
        alias = model.aliases.create(
            alias="canary", version=model.versions.get(number=2), generation=1
        )
        tags.append(reader.get(url)["ETag"])
        alias.version = model.versions.get(number=1)
        alias.save(update_fields=["version"])
        tags.append(reader.get(url)["ETag"])

        assert len(set(tags)) == 4

    def test_of_a_version_stays_when_only_its_model_is_changed(self, reader):
        model = make_versions(1)
        tag = reader.get(f"{VERSIONS}/1")["ETag"]

        model.description = "Still none."
        model.save(update_fields=["description"])

        assert reader.get(f"{VERSIONS}/1", HTTP_IF_NONE_MATCH=tag).status_code == 304

    @pytest.mark.parametrize("url", [f"{URL}/plain", f"{VERSIONS}/1"])
    def test_is_compared_before_anything_is_serialised(self, reader, monkeypatch, url):
        from core.api.serializers import OutputSerializer

        make_versions(1)
        tag = reader.get(url)["ETag"]
        monkeypatch.setattr(OutputSerializer, "to_representation", lambda *_: pytest.fail("shown"))

        assert reader.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 304


class TestNarrowing:
    def test_a_list_reads_no_document_that_it_does_not_show(self, reader):
        make_versions(2)
        with CaptureQueriesContext(connection) as captured:
            reader.get(VERSIONS)

        read = " ".join(each["sql"] for each in captured)
        assert not [
            name for name in ("manifest", "validation_report", "declared_signature") if name in read
        ]

    def test_fields_leave_out_the_statement_for_aliases(self, reader):
        make_versions(2)
        reader.get(VERSIONS)

        whole, part = (
            statements(reader, VERSIONS)[0],
            statements(reader, f"{VERSIONS}?fields=state")[0],
        )

        assert part == whole - 1

    def test_fields_leave_out_what_a_detail_shows_of_other_rows(self, reader):
        model = make_versions(1, **READY)
        model.aliases.create(alias="champion", version=model.versions.get(), generation=1)
        reader.get(VERSIONS)

        assert statements(reader, f"{URL}/plain?fields=name") == (1, {"name": "plain"})
        assert statements(reader, f"{VERSIONS}/1?fields=state") == (2, {"state": "ready"})
        champion = reader.get(f"{URL}/plain?fields=champion").json()["champion"]
        assert champion == reader.get(f"{VERSIONS}/1").json()

    def test_fields_that_are_shown_need_no_statement_more(self, reader):
        make_versions(3)
        for member in ("reason", "metrics", "model", "created_at", "aliases"):
            reader.get(VERSIONS)
            assert (
                statements(reader, f"{VERSIONS}?fields={member}")[0]
                <= statements(reader, VERSIONS)[0]
            )


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("version__gte=2", [3, 2]),
            ("version__in=1,3", [3, 1]),
            ("state=uploaded", [3, 2, 1]),
            ("state__in=ready,rejected", []),
            ("validated_at__isnull=true", [3, 2, 1]),
            ("created_at__lt=2020-01-01T00:00:00Z", []),
            ("upload_digest=" + "0" * 64 + "&version__lt=2", [1]),
        ],
    )
    def test_narrow_the_versions(self, reader, query, found):
        make_versions(3)

        answer = reader.get(f"{VERSIONS}?{query}").json()["results"]

        assert [row["version"] for row in answer] == found

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("name=plain", 1),
            ("name__contains=LAI", 1),
            ("name__in=x,y", 0),
            ("is_default=false", 1),
        ],
    )
    def test_narrow_the_models(self, reader, query, found):
        make_versions(0)

        assert len(reader.get(f"{URL}?{query}").json()["results"]) == found
