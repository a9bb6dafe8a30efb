"""The tree of categories over the API: reading it, growing it, moving branches, what is refused."""

from __future__ import annotations

import pytest

from apps.products.models import Category
from core.ids import uuid7
from core.models import AuditEntry
from tests.factories.products import categories_url, make_category, make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(bob, client_of):
    return client_of(bob)


def create(client, **body):
    return client.post(categories_url(), body, format="json")


def change(client, category, **body):
    return client.patch(categories_url(category), body, format="json")


def chain(length):
    """A branch so many levels deep, from the root down."""
    branch = [make_category("1")]
    for level in range(2, length + 1):
        branch.append(make_category(str(level), parent=branch[-1]))
    return branch


class TestTree:
    def test_is_answered_whole_in_the_staff_s_order_by_one_statement(
        self, client_of, django_assert_num_queries
    ):
        clothes = make_category("Clothes", slug="clothes", position=1)
        books = make_category("Books", slug="books", position=0)
        make_category("Shirts", slug="shirts", parent=clothes)
        make_category("Hats", slug="hats", parent=clothes)

        with django_assert_num_queries(1):
            response = client_of(None).get(categories_url())

        assert response["Cache-Control"] == "public, max-age=60"
        roots = response.json()["results"]
        assert [(r["slug"], r["child_count"]) for r in roots] == [("books", 0), ("clothes", 2)]
        assert [c["slug"] for c in roots[1]["children"]] == ["hats", "shirts"]
        assert roots[0] == {
            "id": str(books.pk),
            "slug": "books",
            "name": "Books",
            "position": 0,
            "child_count": 0,
            "children": [],
        }

    def test_depth_ends_it_and_says_what_lies_below(self, client_of):
        chain(3)

        [root] = client_of(None).get(f"{categories_url()}?depth=2").json()["results"]

        [child] = root["children"]
        assert (child["name"], child["child_count"], child["children"]) == ("2", 1, [])

    def test_a_depth_that_is_none_is_400(self, client_of, assert_problem):
        for depth in ("0", "9", "-1", "01", "x", "", "2.0", "٢"):
            response = client_of(None).get(categories_url(), {"depth": depth})

            problem = assert_problem(response, 400, "invalid_parameter")
            assert [e["parameter"] for e in problem["errors"]] == ["depth"]

    def test_one_is_read_with_the_way_to_it(self, client_of):
        root, child, leaf = chain(3)

        response = client_of(None).get(categories_url(leaf))

        assert response.json()["parent_id"] == str(child.pk)
        assert [a["id"] for a in response.json()["ancestors"]] == [str(root.pk), str(child.pk)]
        tag = response["ETag"]
        Category.objects.filter(pk=root.pk).update(name="New")
        later = client_of(None).get(categories_url(leaf), HTTP_IF_NONE_MATCH=tag)
        assert later.status_code == 200

    def test_one_that_is_not_there_is_404(self, client_of, assert_problem):
        response = client_of(None).get(categories_url(uuid7()))

        assert_problem(response, 404, "category_not_found")


class TestCreate:
    def test_a_name_makes_a_root(self, staff):
        response = create(staff, name="Küche & Bad")

        document = response.json()
        assert response.status_code == 201, document
        assert (document["slug"], document["parent_id"]) == ("kuche-bad", None)
        category = Category.objects.get()
        assert category.lineage == [category.pk]
        assert staff.get(response["Location"])["ETag"] == response["ETag"]

    def test_lies_below_its_parent(self, staff):
        root, child = chain(2)

        made = create(staff, name="Leaf", parent_id=str(child.pk)).json()

        category = Category.objects.get(pk=made["id"])
        assert category.lineage == [root.pk, child.pk, category.pk]

    def test_a_name_there_is_gets_a_numbered_slug_and_a_slug_there_is_is_taken(
        self, staff, assert_problem
    ):
        make_category("Shirts", slug="shirts")

        assert create(staff, name="Shirts").json()["slug"] == "shirts-2"
        refused = create(staff, name="Other", slug="shirts")
        assert_problem(refused, 409, "category_slug_taken", at=("#/slug", "category_slug_taken"))

    def test_eight_levels_are_the_most(self, staff, assert_problem):
        branch = chain(8)

        assert create(staff, name="8", parent_id=str(branch[6].pk)).status_code == 201
        refused = create(staff, name="9", parent_id=str(branch[7].pk))
        assert assert_problem(refused, 409, "category_too_deep")["deepest"] == 8

    def test_only_so_many_there_can_be(self, staff, settings, assert_problem):
        settings.CATEGORIES_MAX = 2
        chain(2)

        assert_problem(create(staff, name="Third"), 409, "too_many_categories")

    def test_what_cannot_be_is_refused_where_it_stands(self, staff, assert_problem):
        for body, at in (
            ({"name": " "}, ("#/name", "blank")),
            ({"name": "a\nb"}, ("#/name", "invalid_name")),
            ({"name": "A", "slug": "A B"}, ("#/slug", "invalid_slug")),
            ({"name": "A", "parent_id": str(uuid7())}, ("#/parent_id", "category_not_found")),
            ({"name": "A", "lineage": []}, ("#/lineage", "unknown_field")),
        ):
            assert_problem(create(staff, **body), 400, "validation_failed", at=at)
        assert not Category.objects.exists()

    def test_is_for_the_catalogue_s_staff(self, alice, client_of):
        assert create(client_of(None), name="A").status_code == 401
        assert create(client_of(alice), name="A").status_code == 403


class TestMove:
    def test_a_branch_moves_with_all_that_is_below_it(self, staff):
        root, child, leaf = chain(3)
        target = make_category("Target")

        response = change(staff, child, parent_id=str(target.pk))

        assert [a["id"] for a in response.json()["ancestors"]] == [str(target.pk)]
        for row in (root, child, leaf):
            row.refresh_from_db()
        assert root.lineage == [root.pk]
        assert child.lineage == [target.pk, child.pk]
        assert leaf.lineage == [target.pk, child.pk, leaf.pk]

    def test_null_makes_it_a_root(self, staff):
        _, child, leaf = chain(3)

        assert change(staff, child, parent_id=None).json()["ancestors"] == []

        leaf.refresh_from_db()
        assert leaf.lineage == [child.pk, leaf.pk]

    def test_never_below_itself(self, staff, assert_problem):
        root, _, leaf = chain(3)

        for below in (root, leaf):
            refused = change(staff, root, parent_id=str(below.pk))
            assert_problem(refused, 409, "category_cycle")
        root.refresh_from_db()
        assert root.lineage == [root.pk]

    def test_not_where_its_deepest_would_be_a_ninth_level(self, staff, assert_problem):
        target = chain(6)[-1]
        two, three = chain(2)[0], chain(3)[0]

        assert change(staff, two, parent_id=str(target.pk)).status_code == 200
        refused = change(staff, three, parent_id=str(target.pk))
        assert_problem(refused, 409, "category_too_deep")

    def test_a_rename_or_a_move_has_the_words_of_its_products_renewed(self, staff, sent_tasks):
        _, child = chain(2)

        change(staff, child, position=5)
        change(staff, child, description="New")
        assert sent_tasks == []
        change(staff, child, name="New")
        change(staff, child, parent_id=None)

        renewal = ("products.renew_search_terms", {"category_id": str(child.pk)})
        assert sent_tasks == [renewal, renewal]

    def test_its_slug_is_for_life(self, staff, assert_problem):
        refused = change(staff, make_category("A"), slug="b")

        assert_problem(refused, 400, "validation_failed", at=("#/slug", "unknown_field"))

    def test_a_stale_tag_is_412_and_changes_nothing(self, staff, assert_problem):
        category = make_category("A")
        url, tag = categories_url(category), staff.get(categories_url(category))["ETag"]
        change(staff, category, name="B")

        changed = staff.patch(url, {"name": "C"}, format="json", HTTP_IF_MATCH=tag)
        deleted = staff.delete(url, HTTP_IF_MATCH=tag)

        assert_problem(changed, 412, "precondition_failed")
        assert_problem(deleted, 412, "precondition_failed")
        category.refresh_from_db()
        assert category.name == "B"

    def test_leaves_an_audit_entry_of_what_moved_and_none_of_what_did_not(self, staff):
        category = make_category("A", description="same")

        change(staff, category, name="A")
        change(staff, category, name="B", description="same")

        entry = AuditEntry.objects.get()
        assert entry.action == "products.category.changed"
        assert (entry.before, entry.after) == ({"name": "A"}, {"name": "B"})


class TestDelete:
    def test_an_empty_one_goes(self, staff):
        category = make_category("A")

        assert staff.delete(categories_url(category)).status_code == 204
        assert not Category.objects.exists()
        assert AuditEntry.objects.get().action == "products.category.deleted"

    def test_one_with_something_in_it_stays(self, staff, assert_problem):
        root, leaf = chain(2)
        make_product(category=leaf, status="archived")

        parent = assert_problem(staff.delete(categories_url(root)), 409, "category_not_empty")
        full = assert_problem(staff.delete(categories_url(leaf)), 409, "category_not_empty")

        assert (parent["children"], parent["products"]) == (1, 0)
        assert (full["children"], full["products"]) == (0, 1)
