"""Stock over HTTP: what lies where, changes by hand, the ledger."""

from __future__ import annotations

import pytest

from apps.products.models import Stock
from core.models import AuditEntry
from tests.factories.stock import figures, hold, line, make_stocked

pytestmark = pytest.mark.django_db

STOCK = "/api/v1/stock"
ADJUSTMENTS = f"{STOCK}/adjustments"
MOVEMENTS = f"{STOCK}/movements"


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


def _post(client, body, **headers):
    return client.post(ADJUSTMENTS, body, format="json", **headers)


class TestListStock:
    def test_shows_what_lies_there_and_what_is_free(self, staff):
        row = make_stocked(10, sku="TEE")
        Stock.objects.filter(pk=row.pk).update(safety=3)
        hold(line(row, 4))

        response = staff.get(STOCK)

        assert response.status_code == 200
        [shown] = response.json()["results"]
        assert shown.pop("created_at") <= shown.pop("updated_at")
        assert shown == {
            "id": str(row.pk),
            "variant_id": str(row.variant_id),
            "sku": "TEE",
            "product_id": str(row.variant.product_id),
            "warehouse": "main",
            "on_hand": 10,
            "reserved": 4,
            "safety": 3,
            "available": 3,
            "backorder": False,
        }

    def test_a_tag_follows_the_name_of_what_lies_there(self, staff):
        row = make_stocked(2, sku="OLD")
        url = f"{STOCK}/{row.pk}"
        tag = staff.get(url)["ETag"]
        type(row.variant).objects.filter(pk=row.variant_id).update(sku="NEW")

        again = staff.get(url, HTTP_IF_NONE_MATCH=tag)

        assert (again.status_code, again.json()["sku"]) == (200, "NEW")
        assert staff.get(url, HTTP_IF_NONE_MATCH=again["ETag"]).status_code == 304

    def test_never_shows_less_than_nothing(self, staff):
        row = make_stocked(2)
        Stock.objects.filter(pk=row.pk).update(safety=5)
        assert staff.get(STOCK).json()["results"][0]["available"] == 0

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("sku=LOW", ["LOW"]),
            ("sku__in=LOW,HIGH", ["LOW", "HIGH"]),
            ("available__lte=2", ["LOW"]),
            ("available__gt=2", ["HIGH"]),
            ("warehouse=main", ["LOW", "HIGH"]),
            ("warehouse=elsewhere", []),
            ("backorder=true", []),
            ("on_hand__gte=9&sort=-id", ["HIGH"]),
            ("sort=-id", ["HIGH", "LOW"]),
        ],
    )
    def test_is_narrowed_and_sorted(self, staff, query, found):
        hold(line(make_stocked(5, sku="LOW"), 3))
        make_stocked(9, sku="HIGH")
        results = staff.get(f"{STOCK}?{query}").json()["results"]
        assert [each["sku"] for each in results] == found

    def test_is_narrowed_by_variant_and_product(self, staff):
        row, _other = make_stocked(1), make_stocked(1)
        for query in (f"variant_id={row.variant_id}", f"product_id={row.variant.product_id}"):
            results = staff.get(f"{STOCK}?{query}").json()["results"]
            assert [each["id"] for each in results] == [str(row.pk)]

    def test_is_not_for_everybody(self, client_of, alice, assert_problem):
        assert_problem(client_of(alice).get(STOCK), 403, "insufficient_scope")


class TestReadStock:
    def test_answers_another_tag_when_pieces_are_promised(self, staff):
        row = make_stocked(5)
        first = staff.get(f"{STOCK}/{row.pk}")
        assert staff.get(f"{STOCK}/{row.pk}", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 304
        hold(line(row))
        again = staff.get(f"{STOCK}/{row.pk}", HTTP_IF_NONE_MATCH=first["ETag"])
        assert (again.status_code, again.json()["reserved"]) == (200, 1)

    def test_answers_404_for_another_id(self, staff, assert_problem):
        row = make_stocked(5)
        assert_problem(staff.get(f"{STOCK}/{row.variant_id}"), 404, "stock_not_found")


class TestChangeStock:
    def test_holds_pieces_back(self, staff):
        row = make_stocked(5)
        response = staff.patch(f"{STOCK}/{row.pk}", {"safety": 2}, format="json")
        assert (response.status_code, response.json()["available"]) == (200, 3)
        entry = AuditEntry.objects.get(action="products.stock.changed")
        assert (entry.before, entry.after) == ({"safety": 0}, {"safety": 2})

    def test_does_nothing_when_nothing_is_new(self, staff):
        row = make_stocked(5)
        response = staff.patch(f"{STOCK}/{row.pk}", {"safety": 0}, format="json")
        assert response.status_code == 200
        assert not AuditEntry.objects.filter(action="products.stock.changed").exists()

    def test_refuses_who_has_seen_an_older_one(self, staff, assert_problem):
        row = make_stocked(5)
        tag = staff.get(f"{STOCK}/{row.pk}")["ETag"]
        hold(line(row))
        response = staff.patch(f"{STOCK}/{row.pk}", {"safety": 2}, format="json", HTTP_IF_MATCH=tag)
        assert_problem(response, 412, "precondition_failed")
        assert Stock.objects.get().safety == 0

    def test_keeps_backorders_on_while_pieces_are_owed(self, staff, assert_problem):
        row = make_stocked(2)
        staff.patch(f"{STOCK}/{row.pk}", {"backorder": True}, format="json")
        hold(line(row, 3))
        response = staff.patch(f"{STOCK}/{row.pk}", {"backorder": False}, format="json")
        body = assert_problem(response, 409, "stock_conflict")
        assert (body["on_hand"], body["reserved"], body["available"]) == (2, 3, 0)
        assert Stock.objects.get().backorder is True


class TestAdjustStock:
    def test_answers_the_movement_and_where_the_row_is(self, staff, bob):
        row = make_stocked(5, sku="TEE")
        body = {"sku": "TEE", "warehouse": "main", "delta": 2, "reason": "received", "note": "N"}

        response = _post(staff, body)

        assert response.status_code == 201
        assert response["Location"] == f"{STOCK}/{row.pk}"
        shown = response.json()
        assert isinstance(shown.pop("id"), int)
        assert shown.pop("created_at").endswith("Z")
        assert shown == {
            "stock_id": str(row.pk),
            "variant_id": str(row.variant_id),
            "sku": "TEE",
            "warehouse": "main",
            "on_hand_change": 2,
            "reserved_change": 0,
            "on_hand": 7,
            "reserved": 0,
            "reason": "received",
            "reference_type": None,
            "reference_id": None,
            "note": "N",
            "actor_id": str(bob.pk),
        }
        assert figures(row) == (7, 0)

    def test_sets_by_compare_and_swap(self, staff, assert_problem):
        row = make_stocked(5)
        body = {
            "variant_id": str(row.variant_id),
            "warehouse": "main",
            "set": 9,
            "expected_on_hand": 5,
            "reason": "counted",
        }
        assert _post(staff, body).status_code == 201
        problem = assert_problem(_post(staff, body), 409, "stock_conflict")
        assert problem["on_hand"] == 9
        assert figures(row) == (9, 0)

    def test_is_done_once_for_a_key(self, staff):
        row = make_stocked(5)
        body = {
            "variant_id": str(row.variant_id),
            "warehouse": "main",
            "delta": 1,
            "reason": "received",
        }
        first = _post(staff, body, HTTP_IDEMPOTENCY_KEY="delivery-7731")
        again = _post(staff, body, HTTP_IDEMPOTENCY_KEY="delivery-7731")
        assert (again.json(), again["Idempotency-Replayed"]) == (first.json(), "true")
        assert figures(row) == (6, 0)

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"sku": "A"}, ("#/variant_id", "conflicting")),
            ({"variant_id": None, "sku": None}, ("#/sku", "null")),
            ({"variant_id": ...}, ("#/sku", "required")),
            ({"delta": ...}, ("#/delta", "required")),
            ({"set": 3, "expected_on_hand": 1}, ("#/set", "conflicting")),
            ({"delta": ..., "set": 3}, ("#/expected_on_hand", "required")),
            ({"delta": 0}, ("#/delta", "invalid")),
            ({"delta": "2"}, ("#/delta", "invalid_type")),
            ({"delta": 1.5}, ("#/delta", "invalid_type")),
            ({"delta": True}, ("#/delta", "invalid_type")),
            ({"delta": 2**31}, ("#/delta", "max_value")),
            ({"reason": "reserved"}, ("#/reason", "invalid_choice")),
            ({"warehouse": "nowhere"}, ("#/warehouse", "does_not_exist")),
            ({"on_hand": 3}, ("#/on_hand", "unknown_field")),
        ],
        ids=str,
    )
    def test_refuses_what_cannot_be_right(self, staff, assert_problem, change, fault):
        row = make_stocked(5)
        body = {
            "variant_id": str(row.variant_id),
            "warehouse": "main",
            "delta": 1,
            "reason": "received",
            **change,
        }
        sent = {name: value for name, value in body.items() if value is not ...}
        assert_problem(_post(staff, sent), 400, "validation_failed", at=fault)
        assert figures(row) == (5, 0)

    def test_is_for_staff_alone(self, client_of, alice, assert_problem):
        assert_problem(_post(client_of(alice), {}), 403, "insufficient_scope")


class TestListMovements:
    def test_shows_the_newest_first_and_why(self, staff):
        row = make_stocked(5, sku="TEE")
        reference = hold(line(row, 2))

        first, last = staff.get(MOVEMENTS).json()["results"]

        assert (first["reason"], first["reserved_change"], first["reserved"]) == ("reserved", 2, 2)
        assert (first["reference_type"], first["reference_id"]) == ("order", str(reference.id))
        assert (last["reason"], last["on_hand_change"], last["reference_type"]) == (
            "received",
            5,
            None,
        )

    def test_is_narrowed(self, staff):
        row, other = make_stocked(5, sku="TEE"), make_stocked(7, sku="CAP")
        reference = hold(line(row), line(other))
        for query, count in (
            ("reason=reserved", 2),
            ("reason__in=reserved,received", 4),
            ("sku=TEE", 2),
            (f"stock_id={row.pk}", 2),
            (f"variant_id={row.variant_id}&reason=received", 1),
            (f"reference_type=order&reference_id={reference.id}", 2),
            ("warehouse=main", 4),
            ("actor_id__isnull=true", 4),
            ("created_at__lt=2020-01-01T00:00:00Z", 0),
        ):
            results = staff.get(f"{MOVEMENTS}?{query}").json()["results"]
            assert len(results) == count, query

    def test_is_paged(self, staff):
        hold(line(make_stocked(5)))
        page = staff.get(f"{MOVEMENTS}?limit=1").json()
        [last] = staff.get(page["next"]).json()["results"]
        assert (page["results"][0]["reason"], last["reason"]) == ("reserved", "received")
