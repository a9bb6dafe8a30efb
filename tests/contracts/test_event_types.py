"""Every event that is announced has been decided on: who hears of it, what it carries."""

import ast
import json
import os
import re
from pathlib import Path

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.urls import resolve
from jsonschema import Draft202012Validator

from core.outbox import Audience, event_types
from core.outbox.shapes import fault_of
from tests.contracts.event_reference import reference

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/events.md"
NAME = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")

# Who hears of what, decided one by one: a new type fails until it is entered here.
AUDIENCES = {
    "api_key.created": Audience.APPLICATION,
    "api_key.revoked": Audience.APPLICATION,
    "api_key.rotated": Audience.APPLICATION,
    "application.closed": Audience.APPLICATION,
    "application.created": Audience.APPLICATION,
    "application.resumed": Audience.APPLICATION,
    "application.suspended": Audience.APPLICATION,
    "batch_prediction.cancelled": Audience.MAKER,
    "batch_prediction.expired": Audience.MAKER,
    "batch_prediction.failed": Audience.MAKER,
    "batch_prediction.partially_succeeded": Audience.MAKER,
    "batch_prediction.queued": Audience.MAKER,
    "batch_prediction.running": Audience.MAKER,
    "batch_prediction.succeeded": Audience.MAKER,
    "model.alias_moved": Audience.EVERYBODY,
    "model.canary_changed": Audience.EVERYBODY,
    "model.canary_ended": Audience.EVERYBODY,
    "model.canary_started": Audience.EVERYBODY,
    "model.rollout_failed": Audience.EVERYBODY,
    "model.rollout_live": Audience.EVERYBODY,
    "model.default_moved": Audience.EVERYBODY,
    "model.drift_detected": Audience.EVERYBODY,
    "model.promotion_decided": Audience.EVERYBODY,
    "model.promotion_proposed": Audience.EVERYBODY,
    "model_version.ready": Audience.EVERYBODY,
    "model_version.rejected": Audience.MAKER_IF_KNOWN,
    "model_version.retired": Audience.EVERYBODY,
    "oauth_client.created": Audience.APPLICATION,
    "oauth_client.revoked": Audience.APPLICATION,
    "order.cancelled": Audience.MAKER,
    "order.completed": Audience.MAKER,
    "order.confirmed": Audience.MAKER,
    "order.created": Audience.MAKER,
    "order.delivered": Audience.MAKER,
    "order.expired": Audience.MAKER,
    "order.fulfilled": Audience.MAKER,
    "order.paid": Audience.MAKER,
    "order.payment_failed": Audience.MAKER,
    "order.processing": Audience.MAKER,
    "order.refunded": Audience.MAKER,
    "product.archived": Audience.EVERYBODY,
    "product.created": Audience.EVERYBODY,
    "product.updated": Audience.EVERYBODY,
    "product_import.completed": Audience.MAKER,
    "user.deactivated": Audience.ACCOUNT,
    "user.email_confirmed": Audience.ACCOUNT,
    "user.logins_revoked": Audience.ACCOUNT,
    "user.password_changed": Audience.ACCOUNT,
    "user.reactivated": Audience.ACCOUNT,
    "user.registered": Audience.ACCOUNT,
    "webhook_endpoint.disabled": Audience.APPLICATION,
    "webhook_endpoint.test": Audience.APPLICATION,
}

# What a subscriber has no business with, whoever they are.
INSIDE = {"reason_text", "cause", "email", "actor_id", "ip", "secret", "token", "password", "url"}


def each_type():
    return pytest.mark.parametrize("name", AUDIENCES)


def imports_from_outbox():
    """(file, name) of what the apps import from core.outbox, but for the type checker alone."""
    for path in (ROOT / "apps").rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in [*ast.walk(tree)]:
            if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
                node.body = []
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("core.outbox"):
                yield from ((str(path.relative_to(ROOT)), name.name) for name in node.names)


class TestEveryType:
    def test_has_been_decided_on(self):
        assert {name: each.audience for name, each in event_types().items()} == AUDIENCES

    def test_is_announced_by_its_declaration_alone(self):
        """An Event made by hand would be one that nobody has decided on."""
        imported = list(imports_from_outbox())

        assert ("apps/ml_models/services/aliasing.py", "publish") in imported
        assert [file for file, name in imported if name == "Event"] == []

    @each_type()
    def test_has_a_name_for_life_and_a_sentence(self, name):
        event_type = event_types()[name]

        assert NAME.fullmatch(name)
        assert len(name) <= 100
        assert event_type.family == event_type.object_type
        assert re.fullmatch(r"[A-Z].*[.]", event_type.summary)

    @each_type()
    def test_has_data_whose_example_fits_as_it_is_and_as_json(self, name):
        event_type = event_types()[name]
        schema = event_type.json_schema()

        Draft202012Validator.check_schema(schema)
        assert fault_of(event_type.example, event_type.data) == ""
        sent = json.loads(json.dumps(event_type.example, cls=DjangoJSONEncoder))
        Draft202012Validator(schema).validate(sent)

    @each_type()
    def test_describes_every_member(self, name):
        def described(schema):
            for member in schema.get("properties", {}).values():
                assert re.fullmatch(r"[A-Z].*[.]", member["description"])
                described(member)

        described(event_types()[name].json_schema())

    @each_type()
    def test_carries_nothing_that_is_staffs_or_secret(self, name):
        assert not INSIDE & set(event_types()[name].json_schema()["properties"])

    @each_type()
    def test_leads_to_its_object_where_that_can_be_read(self, name):
        event_type = event_types()[name]
        path = event_type.path_of("0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47", event_type.example)
        if path is None:
            assert event_type.path == ""
            return

        view = resolve(path).func

        assert getattr(view, "actions", {}).get("get") == "retrieve" or hasattr(view.cls, "get")


class TestReference:
    def test_is_what_the_catalogue_says(self):
        if os.environ.get("UPDATE_EVENTS"):
            PAGE.write_text(reference())

        assert PAGE.read_text() == reference(), "UPDATE_EVENTS=1 make test renews it"
