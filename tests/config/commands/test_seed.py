from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum, Value
from django.db.models.functions import Concat

from apps.accounts.models import User
from apps.developers.models import PlanLimit
from apps.products.models import Category, Product, Stock, StockMovement, Variant
from apps.products.selectors.stock import available_of
from core import plans

pytestmark = pytest.mark.django_db


def run(name):
    out = StringIO()
    call_command(name, stdout=out)
    return out.getvalue()


class TestSeed:
    def test_makes_the_demo_people(self):
        out = "admin: made\ndemo: made\nstarter: made\nscale: made\nshop: 12 made\n"
        assert run("seed") == out

        admin, demo = User.objects.get(username="admin"), User.objects.get(username="demo")
        assert (admin.is_staff, admin.is_superuser, admin.check_password("admin")) == (True,) * 3
        assert (demo.is_staff, demo.is_superuser) == (False, False)
        assert demo.check_password("demo")

    def test_again_changes_nothing(self):
        run("seed")
        before = list(User.objects.order_by("pk").values())
        PlanLimit.objects.filter(plan__name="starter", work="default").update(burst=7)

        out = run("seed")

        assert out == "admin: exists\ndemo: exists\nstarter: exists\nscale: exists\nshop: exists\n"
        assert list(User.objects.order_by("pk").values()) == before
        assert PlanLimit.objects.get(plan__name="starter", work="default").burst == 7

    def test_makes_plans_to_try(self):
        run("seed")

        book = plans.refresh()

        assert set(book.plans) == {"default", "starter", "scale"}
        assert book.default == "default"
        assert book.plans["starter"]["default"].concurrent == 5

    def test_makes_a_shop_that_sells(self):
        run("seed")

        active = Product.objects.filter(status="active")
        assert (active.count(), Category.objects.count()) == (12, 4)
        assert available_of([Variant.objects.get(sku="TEE-RED-M").pk]).popitem()[1] == 40
        assert available_of([Variant.objects.get(sku="API-EBOOK").pk]).popitem()[1] is None
        ledger = StockMovement.objects.aggregate(pieces=Sum("on_hand_change"))["pieces"]
        assert ledger == Stock.objects.aggregate(pieces=Sum("on_hand"))["pieces"]

    def test_puts_back_a_product_that_is_missing_and_touches_no_other(self):
        run("seed")
        Product.objects.filter(slug="plain-tee").update(name="Mine", slug="mine")
        Variant.objects.filter(product__slug="mine").update(sku=Concat(Value("X-"), "sku"))

        assert run("seed").endswith("shop: 1 made\n")

        assert Product.objects.get(slug="mine").name == "Mine"
        assert Product.objects.get(slug="plain-tee").variants.count() == 6


class TestCheckDemoPasswords:
    def test_refuses_while_a_demo_password_stands(self):
        run("seed")

        with pytest.raises(CommandError, match="'admin' and 'demo' still have the demo password"):
            run("check_demo_passwords")

    def test_names_the_one_that_is_left(self):
        run("seed")
        demo = User.objects.get(username="demo")
        demo.set_password("another horse entirely")
        demo.save()

        with pytest.raises(CommandError, match=r"^'admin' still has the demo password"):
            run("check_demo_passwords")

    def test_is_content_when_all_are_changed_or_off(self):
        run("seed")
        User.objects.filter(username="admin").update(is_active=False)
        demo = User.objects.get(username="demo")
        demo.set_password("another horse entirely")
        demo.save()

        assert run("check_demo_passwords") == ""

    def test_is_content_without_demo_accounts(self):
        assert run("check_demo_passwords") == ""
