import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.developers.models import ApiKey, Application
from apps.developers.services import applications as services
from core.models import AuditEntry, OutboxEvent
from tests.factories.developers import client_with, make_application, make_key

pytestmark = pytest.mark.django_db

URL = "/api/v1/applications"
SCOPES_OF_KEYS = ["profile:read", "models:read", "usage:read"]


def url(application) -> str:
    return f"{URL}/{application.pk}"


def suspend(application):
    return services.suspend_application(
        application_id=application.pk, actor=None, reason="Abuse.", now=timezone.now()
    )


class TestCreateApplication:
    def test_makes_one_on_the_default_plan(self, alice, client_of):
        body = {"name": " Shop ", "description": "Sells.", "website": "https://shop.example"}

        answer = client_of(alice).post(URL, body)

        assert answer.status_code == 201
        document = answer.json()
        application = Application.objects.get()
        assert answer["Location"] == f"{URL}/{application.pk}"
        assert answer["ETag"] == '"v1"'
        assert document.pop("created_at").endswith("Z")
        assert document.pop("updated_at").endswith("Z")
        assert document == {
            "id": str(application.pk),
            "name": "Shop",
            "description": "Sells.",
            "website": "https://shop.example",
            "status": "active",
            "plan": None,
            "suspended_at": None,
        }
        assert application.owner_id == alice.pk
        entry = AuditEntry.objects.get(action="developers.application.created")
        assert (entry.actor_id, entry.object_id) == (alice.pk, str(application.pk))
        event = OutboxEvent.objects.get(type="application.created")
        assert event.object_id == str(application.pk)

    def test_needs_a_name_alone(self, alice, client_of):
        answer = client_of(alice).post(URL, {"name": "Shop"})

        assert answer.status_code == 201
        assert (answer.json()["description"], answer.json()["website"]) == ("", "")

    @pytest.mark.parametrize(
        ("body", "at"),
        [
            ({}, ("#/name", "required")),
            ({"name": ""}, ("#/name", "blank")),
            ({"name": "x" * 81}, ("#/name", "max_length")),
            ({"name": 7}, ("#/name", "invalid_type")),
            ({"name": "pohS\u202e"}, ("#/name", "forbidden_character")),
            ({"name": "a\nb"}, ("#/name", "forbidden_character")),
            ({"name": "zero\u200bwidth"}, ("#/name", "forbidden_character")),
            ({"name": "x", "description": "pohS\u202e"},
             ("#/description", "forbidden_character")),
            ({"name": "x", "description": "a\nb"}, ("#/description", "forbidden_character")),
            ({"name": "x", "description": "zero\u200bwidth"},
             ("#/description", "forbidden_character")),
            ({"name": "x", "description": "x" * 501}, ("#/description", "max_length")),
            ({"name": "x", "website": "javascript:alert(1)"}, ("#/website", "invalid")),
            ({"name": "x", "website": "ftp://x.example"}, ("#/website", "invalid")),
            ({"name": "x", "website": "https://bank.example@evil.example"},
             ("#/website", "invalid")),
            ({"name": "x", "website": "https://x.example/" + "x" * 300},
             ("#/website", "max_length")),
            ({"name": "x", "website": None}, ("#/website", "null")),
        ],
    )  # fmt: skip
    def test_refuses_what_does_not_fit(self, body, at, alice, client_of, assert_problem):
        assert_problem(client_of(alice).post(URL, body), 400, "validation_failed", at=at)
        assert Application.objects.exists() is False

    @pytest.mark.parametrize(
        "name",
        ["Agora", "AGORA Support", "my agora", "A.g.o.r.a", "a-g-o-r-a", "A g o r a", "a_gora",
         "\uff21\uff27\uff2f\uff32\uff21", "a\u0336gora", "\u24b6gora"],
    )  # fmt: skip
    def test_takes_no_name_that_could_be_ours(self, name, alice, client_of, assert_problem):
        application, client = make_application(alice), client_of(alice)

        for answer in (
            client.post(URL, {"name": name}),
            client.patch(url(application), {"name": name}),
        ):
            assert_problem(answer, 400, "validation_failed", at=("#/name", "reserved_name"))

    @pytest.mark.parametrize("name", ["Angora rabbits", "Agro", "Gorat", "\u96c6\u4f1a"])
    def test_takes_names_that_are_like_it(self, name, alice, client_of):
        assert client_of(alice).post(URL, {"name": name}).status_code == 201

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("id", "0190a000-0000-7000-8000-00000000a11c"),
            ("owner", "x"),
            ("owner_id", "x"),
            ("status", "active"),
            ("plan", "scale"),
            ("plan_id", "x"),
            ("suspended_at", None),
            ("closed_at", None),
            ("row_version", 7),
            ("created_at", None),
            ("__proto__", {}),
        ],
    )
    def test_takes_no_other_field(self, field, value, alice, client_of, assert_problem):
        answer = client_of(alice).post(URL, {"name": "x", field: value})

        assert_problem(answer, 400, "validation_failed", at=(f"#/{field}", "unknown_field"))

    def test_a_name_is_had_once(self, alice, mallory, client_of, assert_problem):
        make_application(alice, "Shop")

        answer = client_of(alice).post(URL, {"name": "Shop"})

        assert_problem(answer, 409, "application_name_taken")
        assert Application.objects.count() == 1
        assert client_of(mallory).post(URL, {"name": "Shop"}).status_code == 201

    def test_the_name_of_a_closed_one_is_free(self, alice, client_of):
        client_of(alice).delete(url(make_application(alice, "Shop")))

        assert client_of(alice).post(URL, {"name": "Shop"}).status_code == 201

    def test_there_may_be_so_many(self, alice, client_of, assert_problem, monkeypatch):
        monkeypatch.setattr(services, "APPLICATIONS_MAX", 2)
        first = make_application(alice, "one")
        make_application(alice, "two")

        assert_problem(client_of(alice).post(URL, {"name": "x"}), 409, "too_many_applications")
        client_of(alice).delete(url(first))
        assert client_of(alice).post(URL, {"name": "x"}).status_code == 201

    def test_sent_twice_under_one_key_makes_one(self, alice, client_of):
        client = client_of(alice)

        first, second = (
            client.post(URL, {"name": "x"}, headers={"Idempotency-Key": "k"}) for _ in range(2)
        )

        assert first.json() == second.json()
        assert second["Idempotency-Replayed"] == "true"
        assert Application.objects.count() == 1


class TestWhoMayCome:
    def test_a_key_may_not(self, alice, assert_problem):
        """Applications are for persons: a key must not make keys, whatever it says."""
        application = make_application(alice)
        issued = make_key(application, scopes=SCOPES_OF_KEYS)
        ApiKey.objects.update(scopes=["applications:read", "applications:write"])
        client = client_with(issued.key)

        for answer in (
            client.get(URL),
            client.get(url(application)),
            client.post(URL, {"name": "x"}),
            client.patch(url(application), {"name": "x"}),
            client.delete(url(application)),
            client.get(f"{url(application)}/keys"),
            client.post(f"{url(application)}/keys", {"name": "x", "scopes": ["models:read"]}),
        ):
            problem = assert_problem(answer, 403, "insufficient_scope")
            assert problem["required_scope"].startswith("applications:")

    def test_nobody_may_not(self, alice, assert_problem):
        application = make_application(alice)

        assert_problem(APIClient().get(URL), 401, "not_authenticated")
        assert_problem(APIClient().delete(url(application)), 401, "not_authenticated")

    def test_somebody_elses_is_not_found(self, alice, mallory, bob, client_of, assert_problem):
        application = make_application(alice)

        for person in (mallory, bob):
            client = client_of(person)
            for answer in (
                client.get(url(application)),
                client.patch(url(application), {"name": "Mine"}),
                client.delete(url(application)),
            ):
                assert_problem(answer, 404, "application_not_found")
            assert client.get(URL).json()["results"] == []
        application.refresh_from_db()
        assert (application.name, application.status) == ("Shop", "active")


class TestReadApplications:
    def test_lists_newest_first_without_closed_ones(self, alice, client_of):
        one, two, three = (make_application(alice, name) for name in ("one", "two", "three"))
        client_of(alice).delete(url(two))
        suspend(three)

        rows = client_of(alice).get(URL).json()["results"]

        assert [row["name"] for row in rows] == ["three", "one"]
        assert [row["status"] for row in rows] == ["suspended", "active"]
        active = client_of(alice).get(URL, {"status": "active"}).json()["results"]
        assert [row["id"] for row in active] == [str(one.pk)]

    def test_takes_pages_search_and_sort(self, alice, client_of):
        for name in ("b", "a", "c"):
            make_application(alice, name)
        client = client_of(alice)

        page = client.get(URL, {"limit": 2, "sort": "name"}).json()

        assert [row["name"] for row in page["results"]] == ["a", "b"]
        following = client.get(page["next"]).json()
        assert [row["name"] for row in following["results"]] == ["c"]
        found = client.get(URL, {"search": "C"}).json()["results"]
        assert [row["name"] for row in found] == ["c"]

    def test_takes_several_statuses(self, alice, client_of):
        active, suspended = (make_application(alice, name) for name in ("one", "two"))
        suspend(suspended)

        def found(statuses):
            rows = client_of(alice).get(URL, {"status__in": statuses}).json()["results"]
            return [row["name"] for row in rows]

        assert found("active,suspended") == [suspended.name, active.name]
        assert found("suspended") == [suspended.name]

    @pytest.mark.parametrize("parameter", ["status", "status__in"])
    @pytest.mark.parametrize("status", ["closed", "x"])
    def test_knows_no_other_status(self, status, parameter, alice, client_of, assert_problem):
        answer = client_of(alice).get(URL, {parameter: status})

        assert_problem(answer, 400, "invalid_parameter", at=(parameter, "invalid_choice"))

    def test_one_shows_the_members_asked_for(self, alice, client_of):
        application = make_application(alice)

        answer = client_of(alice).get(url(application), {"fields": "name"})

        assert answer.json() == {"name": "Shop"}
        assert answer["ETag"] != '"v1"'

    def test_one_carries_its_version(self, alice, client_of):
        application = make_application(alice)
        answer = client_of(alice).get(url(application))

        assert (answer.status_code, answer["ETag"]) == (200, '"v1"')
        again = client_of(alice).get(url(application), HTTP_IF_NONE_MATCH='"v1"')
        assert again.status_code == 304

    def test_a_suspended_one_stays_visible(self, alice, client_of):
        application = make_application(alice)
        suspend(application)

        document = client_of(alice).get(url(application)).json()

        assert document["status"] == "suspended"
        assert document["suspended_at"].endswith("Z")


class TestChangeApplication:
    def test_stores_what_was_sent_and_leaves_the_rest(self, alice, client_of):
        application = make_application(alice)

        answer = client_of(alice).patch(url(application), {"description": "Sells."})

        assert (answer.status_code, answer["ETag"]) == (200, '"v2"')
        application.refresh_from_db()
        assert (application.name, application.description) == ("Shop", "Sells.")
        entry = AuditEntry.objects.get(action="developers.application.changed")
        assert (entry.before, entry.after) == ({"description": ""}, {"description": "Sells."})

    @pytest.mark.parametrize("field", ["name", "description"])
    def test_takes_no_text_that_turns_what_stands_there(
        self, field, alice, client_of, assert_problem
    ):
        answer = client_of(alice).patch(url(make_application(alice)), {field: "pohS\u202e"})

        at = (f"#/{field}", "forbidden_character")
        assert_problem(answer, 400, "validation_failed", at=at)

    def test_with_nothing_new_writes_nothing(self, alice, client_of):
        application = make_application(alice)

        assert client_of(alice).patch(url(application), {"name": "Shop"})["ETag"] == '"v1"'
        assert not AuditEntry.objects.filter(action="developers.application.changed").exists()

    def test_for_an_older_version_changes_nothing(self, alice, client_of, assert_problem):
        application = make_application(alice)
        client = client_of(alice)
        client.patch(url(application), {"name": "Store"}, HTTP_IF_MATCH='"v1"')

        answer = client.patch(url(application), {"name": "Late"}, HTTP_IF_MATCH='"v1"')

        problem = assert_problem(answer, 412, "precondition_failed")
        assert problem["current_etag"] == '"v2"'
        application.refresh_from_db()
        assert application.name == "Store"

    def test_takes_no_name_that_is_taken(self, alice, client_of, assert_problem):
        make_application(alice, "one")
        two = make_application(alice, "two")

        answer = client_of(alice).patch(url(two), {"name": "one"})

        assert_problem(answer, 409, "application_name_taken")

    @pytest.mark.parametrize("field", ["status", "plan", "owner", "closed_at", "row_version"])
    def test_takes_no_other_field(self, field, alice, client_of, assert_problem):
        answer = client_of(alice).patch(url(make_application(alice)), {field: "x"})

        assert_problem(answer, 400, "validation_failed", at=(f"#/{field}", "unknown_field"))

    def test_credentials_carry_the_new_name(self, alice, client_of, refresh_revocations):
        application = make_application(alice)
        client = client_with(make_key(application).key)
        assert client.get("/api/v1/me/token").json()["application_name"] == "Shop"

        client_of(alice).patch(url(application), {"name": "Store"})
        refresh_revocations()

        assert client.get("/api/v1/me/token").json()["application_name"] == "Store"


class TestCloseApplication:
    def test_ends_it_and_its_keys_for_good(
        self, alice, client_of, refresh_revocations, assert_problem
    ):
        application = make_application(alice)
        issued = make_key(application)
        client = client_with(issued.key)
        assert client.get("/api/v1/me/token").status_code == 200

        answer = client_of(alice).delete(url(application))
        refresh_revocations()

        assert (answer.status_code, answer.content) == (204, b"")
        assert_problem(client.get("/api/v1/me/token"), 401, "token_revoked")
        application.refresh_from_db()
        assert application.status == "closed"
        issued.row.refresh_from_db()
        assert issued.row.revoked_at == application.closed_at
        entry = AuditEntry.objects.get(action="developers.application.closed")
        assert (entry.before, entry.after) == ({"status": "active"}, {"status": "closed"})

    def test_it_is_gone_for_its_owner(self, alice, client_of, assert_problem):
        application = make_application(alice)
        client = client_of(alice)
        client.delete(url(application))

        for answer in (
            client.get(url(application)),
            client.delete(url(application)),
            client.patch(url(application), {"name": "x"}),
            client.get(f"{url(application)}/keys"),
            client.post(f"{url(application)}/keys", {"name": "x", "scopes": ["models:read"]}),
        ):
            assert_problem(answer, 404, "application_not_found")

    def test_of_a_suspended_one_works(self, alice, client_of):
        application = make_application(alice)
        suspend(application)

        assert client_of(alice).delete(url(application)).status_code == 204

    def test_for_an_older_version_does_nothing(self, alice, client_of, assert_problem):
        application = make_application(alice)

        answer = client_of(alice).delete(url(application), HTTP_IF_MATCH='"v9"')

        assert_problem(answer, 412, "precondition_failed")
        application.refresh_from_db()
        assert application.status == "active"
