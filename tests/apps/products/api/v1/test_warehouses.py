"""Warehouses over HTTP."""

from __future__ import annotations

import pytest

from apps.products.models import Warehouse
from core.ids import uuid7
from core.models import AuditEntry
from tests.factories.products import make_warehouse

pytestmark = pytest.mark.django_db

WAREHOUSES = "/api/v1/warehouses"


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


class TestCreateWarehouse:
    def test_makes_one(self, staff):
        response = staff.post(WAREHOUSES, {"code": "berlin-1", "name": "Berlin"}, format="json")

        assert response.status_code == 201
        row = Warehouse.objects.get()
        assert response["Location"] == f"{WAREHOUSES}/{row.pk}"
        shown = response.json()
        assert {name: shown[name] for name in ("id", "code", "name", "priority", "active")} == {
            "id": str(row.pk),
            "code": "berlin-1",
            "name": "Berlin",
            "priority": 0,
            "active": True,
        }
        entry = AuditEntry.objects.get(action="products.warehouse.created")
        assert (entry.object_id, entry.after["code"]) == (str(row.pk), "berlin-1")

    def test_refuses_a_code_twice(self, staff, assert_problem):
        make_warehouse("berlin-1")
        response = staff.post(WAREHOUSES, {"code": "berlin-1", "name": "B"}, format="json")
        assert_problem(response, 409, "warehouse_code_taken")
        assert Warehouse.objects.count() == 1

    @pytest.mark.parametrize("code", ["", "Berlin", "ber lin", "-berlin", "b" * 33, "be\nrlin"])
    def test_refuses_a_code_that_is_none(self, staff, code):
        response = staff.post(WAREHOUSES, {"code": code, "name": "Berlin"}, format="json")
        assert response.status_code == 400
        assert [fault["pointer"] for fault in response.json()["errors"]] == ["#/code"]

    def test_is_for_staff_alone(self, client_of, alice, assert_problem):
        assert_problem(
            client_of(alice).post(WAREHOUSES, {}, format="json"), 403, "insufficient_scope"
        )


class TestReadWarehouses:
    def test_lists_the_oldest_first(self, staff):
        make_warehouse("one")
        make_warehouse("two", active=False)
        shown = staff.get(WAREHOUSES).json()["results"]
        assert [each["code"] for each in shown] == ["one", "two"]
        shown = staff.get(f"{WAREHOUSES}?active=true&sort=-code").json()["results"]
        assert [each["code"] for each in shown] == ["one"]

    def test_shows_one(self, staff, assert_problem):
        row = make_warehouse("one")
        assert staff.get(f"{WAREHOUSES}/{row.pk}").json()["code"] == "one"
        assert_problem(staff.get(f"{WAREHOUSES}/{uuid7()}"), 404, "warehouse_not_found")


class TestChangeWarehouse:
    def test_changes_all_but_the_code(self, staff, assert_problem):
        row = make_warehouse("one")
        where = f"{WAREHOUSES}/{row.pk}"
        body = {"name": "Other", "priority": 7, "active": False}

        shown = staff.patch(where, body, format="json").json()

        assert {name: shown[name] for name in body} == body
        entry = AuditEntry.objects.get(action="products.warehouse.changed")
        assert entry.before == {"name": "One", "priority": 0, "active": True}
        response = staff.patch(where, {"code": "two"}, format="json")
        assert_problem(response, 400, "validation_failed", at=("#/code", "unknown_field"))

    def test_refuses_who_has_seen_an_older_one(self, staff, assert_problem):
        row = make_warehouse("one")
        where = f"{WAREHOUSES}/{row.pk}"
        tag = staff.get(where)["ETag"]
        assert (
            staff.patch(where, {"name": "A"}, format="json", HTTP_IF_MATCH=tag).status_code == 200
        )
        response = staff.patch(where, {"name": "B"}, format="json", HTTP_IF_MATCH=tag)
        assert_problem(response, 412, "precondition_failed")
        assert Warehouse.objects.get().name == "A"
