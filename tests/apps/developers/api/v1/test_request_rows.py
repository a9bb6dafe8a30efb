"""GET /requests at the second speed: byte for byte what models and a serializer would answer."""

from datetime import UTC, date, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.developers.api.v1.serializers.requests import RequestOut
from apps.developers.api.v1.views.requests import RequestViewSet
from apps.developers.models import RequestRecord
from apps.developers.services.recording import record_requests
from core.api.expansion import WHOLE, Selection
from core.api.renderers import dump_json
from core.api.rows import row_shape
from tests.factories.developers import login_of
from tests.factories.requests import make_fact
from tests.factories.two_speeds import both_answers, both_walks

URL = "/api/v1/requests"
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
COUNTS = st.integers(0, 2**63 - 1)
ROWS = st.builds(
    RequestRecord,
    id=st.uuids(),
    day=st.just(date(2026, 6, 1)),
    at=st.datetimes(timezones=st.just(UTC)),
    account_id=st.uuids(),
    user_id=st.uuids(),
    application_id=st.none() | st.uuids(),
    credential=TEXTS,
    credential_id=TEXTS,
    method=TEXTS,
    route=TEXTS,
    status=st.integers(100, 599),
    error_code=TEXTS,
    latency_ms=st.floats(0, 1e12),
    request_bytes=COUNTS,
    response_bytes=st.none() | COUNTS,
    work=TEXTS,
    units=st.integers(0, 2**31 - 1),
    request_id=TEXTS,
)
MEMBERS = sorted(RequestOut().fields)
SELECTIONS = st.just(WHOLE) | st.sets(st.sampled_from(MEMBERS), min_size=1).map(
    lambda names: Selection(frozenset(names))
)


class TestRowShape:
    @given(ROWS, SELECTIONS)
    @hypothesis_settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
    def test_makes_the_bytes_that_the_serializer_makes(self, row, selection):
        shape = row_shape(RequestOut, selection, ["id"])
        values = tuple(getattr(row, column) for column in shape.columns)

        assert dump_json(shape.make(values)) == dump_json(RequestOut(row, selection=selection).data)

    def test_is_none_where_an_object_is_expanded(self):
        expansion = RequestOut.expandable["application"]

        assert (
            row_shape(RequestOut, Selection(None, {"application": (expansion, WHOLE)}), []) is None
        )


@pytest.mark.django_db
class TestList:
    @pytest.fixture(autouse=True)
    def _calls(self, alice):
        principal = login_of(alice)
        now = timezone.now()
        record_requests(
            [
                make_fact(
                    principal,
                    at=now - timedelta(seconds=number, microseconds=number % 2),
                    status=200 + number,
                    seconds=number / 7,
                    response_bytes=None if number % 3 else number,
                    error_code="é" if number % 4 else "",
                )
                for number in range(7)
            ]
        )

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "?include=total",
            "?fields=request_id,at",
            "?fields=latency_ms",
            "?sort=request_id",
            "?sort=-request_id&fields=status",
            "?status__gte=203",
            "?status=599",
        ],
    )
    def test_is_the_same_as_the_slow_one(self, alice, client_of, monkeypatch, query):
        quick, slow = both_answers(client_of(alice), RequestViewSet, URL + query, monkeypatch)

        assert quick == slow

    @pytest.mark.parametrize("sort", ["request_id", "-request_id"])
    def test_is_the_same_on_every_page(self, alice, client_of, monkeypatch, sort):
        url = f"{URL}?limit=2&sort={sort}"
        pages = list(both_walks(client_of(alice), RequestViewSet, url, monkeypatch))

        assert len(pages) == 4
        assert all(quick == slow for quick, slow in pages)

    def test_makes_no_model_and_no_serializer(self, alice, client_of, monkeypatch):
        monkeypatch.setattr(RequestRecord, "from_db", lambda *_: pytest.fail("a model"))
        monkeypatch.setattr(RequestOut, "to_representation", lambda *_: pytest.fail("serialised"))

        assert len(client_of(alice).get(URL).json()["results"]) == 7

    def test_of_expanded_objects_is_made_the_slow_way(self, alice, client_of):
        answer = client_of(alice).get(f"{URL}?expand=application").json()

        assert [row["application"] for row in answer["results"]] == [None] * 7
