"""docs/subsystems/requests.md, conditional requests; reliability report, table B, row 57."""

import pytest

from core.api.conditional import (
    ConditionalMixin,
    check_version,
    etag_of,
    expected_versions,
)
from core.api.refusals import MalformedHeaderError
from core.errors import PreconditionError
from tests.core.api.entries import entry

pytestmark = pytest.mark.django_db

TAG = '"v3"'  # the test view's rows are all of version 3


@pytest.fixture
def url():
    row = entry()
    row.save()
    return f"/api/v1/entries/{row.id}"


class TestReads:
    def test_carry_a_strong_etag_and_may_be_kept_privately(self, anyone, url):
        response = anyone.get(url)

        assert (response["ETag"], response["Cache-Control"]) == (TAG, "private, no-cache")
        assert "Authorization" in response["Vary"]

    @pytest.mark.parametrize("header", [TAG, "*", f'"v1", {TAG}', f"W/{TAG}", f'"x",W/{TAG} ,"y"'])
    @pytest.mark.parametrize("method", ["get", "head"])
    def test_that_the_caller_has_already_are_304(self, anyone, url, method, header):
        response = getattr(anyone, method)(url, headers={"if-none-match": header})

        assert (response.status_code, response.content, response["ETag"]) == (304, b"", TAG)
        assert "Content-Type" not in response
        assert "X-Request-Id" in response
        assert "RateLimit" in response

    @pytest.mark.parametrize("header", ['"v2"', '""', '"v3-abc"'])
    def test_that_the_caller_has_not_are_200(self, anyone, url, header):
        assert anyone.get(url, headers={"if-none-match": header}).status_code == 200

    def test_of_lists_have_none(self, anyone):
        response = anyone.get("/api/v1/entries")

        assert "ETag" not in response
        assert response["Cache-Control"] == "no-store"

    def test_of_nothing_are_404_whatever_is_known(self, anyone, assert_problem):
        missing = "/api/v1/entries/0190a000-0000-7000-8000-000000000000"

        assert_problem(anyone.get(missing, headers={"if-none-match": "*"}), 404, "not_found")


class TestWrites:
    @pytest.fixture
    def touch(self, anyone, url):
        def send(**headers):
            return anyone.post(url + "/touch", content_type="application/json", headers=headers)

        return send

    def test_answers_of_are_kept_by_nobody_whatever_their_tag(self, touch):
        answer = touch(**{"if-match": TAG})

        assert (answer["ETag"], answer["Cache-Control"]) == (TAG, "no-store")

    @pytest.mark.parametrize("header", [TAG, f'"v1", {TAG}', "*", '"v3-variant"'])
    def test_of_the_present_version_go_through(self, touch, header):
        assert touch(**{"if-match": header}).status_code == 200

    @pytest.mark.parametrize("header", ['"v2"', '"v30"', f"W/{TAG}", '"3"', '""'])
    def test_of_another_version_are_412_with_the_present_one(self, touch, assert_problem, header):
        response = touch(**{"if-match": header})

        problem = assert_problem(response, 412, "precondition_failed")
        assert problem["current_etag"] == response["ETag"] == TAG

    def test_without_the_header_are_428_where_it_is_needed(self, touch, assert_problem):
        assert_problem(touch(), 428, "precondition_required")

    def test_without_the_header_are_428_before_anything_is_looked_for(self, anyone, assert_problem):
        missing = "/api/v1/entries/0190a000-0000-7000-8000-000000000000/touch"

        assert_problem(anyone.post(missing), 428, "precondition_required")

    def test_without_the_header_are_428_before_the_body_is_read(self, anyone, url, assert_problem):
        response = anyone.post(url + "/touch", "{", content_type="application/json")

        assert_problem(response, 428, "precondition_required")

    @pytest.mark.parametrize("header", ["v3", '"v3', "*, *", '"a" "b"', ",", "x" * 2_000])
    def test_with_a_malformed_header_are_400(self, touch, assert_problem, header):
        response = touch(**{"if-match": header})

        assert_problem(response, 400, "malformed_header", at=("If-Match", "malformed"))


class Row:
    def __init__(self, version):
        self.row_version = version


class TestVersions:
    def test_of_a_row_name_its_variant(self):
        assert (etag_of(Row(7)), etag_of(Row(7), variant="public")) == ('"v7"', '"v7-public"')

    def test_expected_are_none_without_a_condition(self, rf):
        assert expected_versions(rf.post("/")) is None
        assert expected_versions(rf.post("/", headers={"if-match": "*"})) is None

    def test_expected_are_those_of_strong_tags(self, rf):
        request = rf.post("/", headers={"if-match": '"v1", W/"v2", "v3-x", "other"'})

        assert expected_versions(request) == {1, 3}

    def test_malformed_is_refused(self, rf):
        with pytest.raises(MalformedHeaderError):
            expected_versions(rf.post("/", headers={"if-match": "v1"}))

    def test_checked_again_under_the_lock_refuses_the_late(self):
        check_version(Row(3), frozenset({3}))
        check_version(Row(3), None)
        with pytest.raises(PreconditionError):
            check_version(Row(4), frozenset({3}))


class TestPrecondition:
    """What a view hands to its service, which calls it with the locked row."""

    @pytest.fixture
    def view(self, rf):
        def make(if_match=None, *, variant=""):
            class View(ConditionalMixin):
                request = rf.put("/", headers={} if if_match is None else {"if-match": if_match})

                def variant_of(self, row):
                    return variant

            return View()

        return make

    def test_is_looked_at_before_the_work(self, view):
        with pytest.raises(PreconditionError) as refused:
            view('"v2"').precondition(lambda: Row(3))

        assert refused.value.extra == {"current_etag": TAG}

    def test_is_looked_at_again_under_the_lock(self, view):
        check = view('"v3"').precondition(lambda: Row(3))

        check(Row(3))
        with pytest.raises(PreconditionError):
            check(Row(4))

    def test_names_the_tag_that_a_read_would_carry(self, view):
        with pytest.raises(PreconditionError) as refused:
            view('"v2"', variant="abc").precondition(lambda: Row(3))

        assert refused.value.extra == {"current_etag": '"v3-abc"'}

    @pytest.mark.parametrize("header", [None, "*"])
    def test_that_names_no_version_reads_nothing_early(self, view, header):
        check = view(header).precondition(lambda: pytest.fail("read"))

        check(Row(3))

    @pytest.mark.parametrize("header", ["*", '"v1"', 'W/"v1"'])
    def test_is_not_met_by_what_is_absent(self, view, header):
        with pytest.raises(PreconditionError) as refused:
            view(header).precondition(lambda: None)(None)

        assert refused.value.extra == {}

    def test_without_the_header_lets_what_is_absent_be_made(self, view):
        view().precondition(lambda: None)(None)
