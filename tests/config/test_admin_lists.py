"""Every list of the admin, of every app: what may be asked of it, and who may act on its rows."""

from uuid import UUID

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from core.admin import AuditedModelAdmin

pytestmark = pytest.mark.django_db

ID = UUID("0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47")
DESKS = {
    options.label_lower: desk
    for table, desk in admin.site._registry.items()
    if (options := table._meta)
}
OURS = sorted(name for name, desk in DESKS.items() if isinstance(desk, AuditedModelAdmin))
ACTIONS = sorted((name, action) for name in OURS for action in DESKS[name].object_actions)


def client_for(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root():
    return client_for(User.objects.create_superuser("root", password="x" * 20))


def list_of(desk):
    options = desk.model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_changelist")


def filtered_by(desk):
    """Columns that its filters are about, with those of other tables by their way there."""
    filters = [entry[0] if isinstance(entry, tuple) else entry for entry in desk.list_filter]
    return {desk.date_hierarchy, *(entry for entry in filters if isinstance(entry, str))}


class TestEveryList:
    @pytest.mark.parametrize("name", sorted(DESKS))
    def test_is_searched(self, root, name):
        terms = {"churn": 200, str(ID): 200, "7": 200, "a\0b": 400}

        answers = {term: root.get(list_of(DESKS[name]), {"q": term}).status_code for term in terms}

        assert answers == terms

    @pytest.mark.parametrize("name", OURS)
    def test_answers_about_what_its_filters_offer_alone(self, root, name):
        desk = DESKS[name]
        offered = filtered_by(desk)
        parameters = {getattr(entry, "parameter_name", "") for entry in desk.list_filter}
        for field in desk.model._meta.concrete_fields:
            if offered.isdisjoint({field.name, field.attname}):
                wanted = {field.name, f"{field.attname}__gt", f"{field.name}__startswith"}
                for lookup in wanted - parameters:
                    assert root.get(list_of(desk), {lookup: "1"}).status_code == 400, lookup


class TestPersonalData:
    @pytest.mark.parametrize(
        ("name", "lookup"),
        [
            ("ml_models.loggedprediction", "user_id"),
            ("ml_models.loggedprediction", "caller__startswith"),
            ("ml_models.loggedprediction", "features__0__0__gt"),
            ("ml_models.loggedprediction", "scores__0__gt"),
            ("ml_models.shadowprediction", "scores__0__gt"),
            ("ml_models.predictiontruth", "truths__0"),
            ("ml_models.replay", "result__most_different__0__baseline__score__gt"),
            ("accounts.user", "password__startswith"),
        ],
    )
    def test_is_not_found_out_by_asking(self, name, lookup):
        table = DESKS[name].model._meta.model_name
        user = User.objects.create_user("viewer", password="x" * 20, is_staff=True)
        user.user_permissions.set(
            Permission.objects.filter(codename__in=[f"change_{table}", f"view_{table}"])
        )
        viewer = client_for(user)

        assert viewer.get(list_of(DESKS[name])).status_code == 200
        assert viewer.get(list_of(DESKS[name]), {lookup: "1"}).status_code == 400


class TestActions:
    @pytest.mark.parametrize(("name", "action"), ACTIONS, ids=["-".join(each) for each in ACTIONS])
    def test_are_not_for_those_who_may_only_look(self, name, action):
        options = DESKS[name].model._meta
        user = User.objects.create_user("viewer", password="x" * 20, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
        viewer = client_for(user)
        page = f"admin:{options.app_label}_{options.model_name}_act"

        url = reverse(page, args=[ID, action])

        assert viewer.get(url).status_code == 403
        assert viewer.post(url, {"reason": "Sneaky."}).status_code == 403
        listing = viewer.get(list_of(DESKS[name])).content.decode()
        assert f'value="{action}"' not in listing
