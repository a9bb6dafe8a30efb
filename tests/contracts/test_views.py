"""What every view of version 1 must say about itself."""

import pytest
from django.conf import settings

from config.api_v1 import urlpatterns
from core.api.permissions import PUBLIC
from core.security.scopes import SCOPES
from tests.endpoint_ledger import _leaves, _methods


def _views():
    """(route, view class, {http method: key of required_scopes})."""
    for route, callback in _leaves(urlpatterns):
        actions = getattr(callback, "actions", None)
        keys = {
            method: (actions[method.lower()] if actions else method.lower())
            for method in _methods(callback)
        }
        yield route, callback.cls, keys


VIEWS = list(_views())
IDS = [route for route, _, _ in VIEWS]

# Anyone may call these: they are how one becomes somebody.
PUBLIC_OPERATIONS = {
    "POST register",
    "POST login",
    "POST token/refresh",
    "POST logout",
    "POST email-confirmations",  # the signed link is the credential
    "POST password-resets",  # says nothing to anybody
    "POST password-resets/confirm",  # the signed link is the credential
    "GET users/<uuid:user_id>",  # the public profile
    "POST payment-providers/<str:provider>/callback",  # its signature is the credential
    "GET products",  # what is on sale
    "GET products/<str:product>",
    "GET products/<uuid:product_id>/variants",
    "GET products/<uuid:product_id>/variants/<uuid:variant_id>",
    "GET products/<uuid:product_id>/images",
    "GET products/<uuid:product_id>/images/<uuid:image_id>",
    "GET product-images/<uuid:image_id>/<str:size>",
    "GET products/<uuid:product_id>/reviews",
    "GET products/<uuid:product_id>/reviews/<uuid:review_id>",
    "GET categories",
    "GET categories/<uuid:category_id>",
}

# Any credential will do: it asks about itself.
WITHOUT_SCOPE = {"GET me/token", "GET limits"}


class TestViews:
    @pytest.mark.parametrize(("route", "view", "keys"), VIEWS, ids=IDS)
    def test_name_a_known_scope_for_every_method(self, route, view, keys):
        named = {
            f"{method} {route}": view.required_scopes.get(key, "nothing")
            for method, key in keys.items()
        }
        unknown = {
            operation: scope
            for operation, scope in named.items()
            if scope is not PUBLIC and scope not in SCOPES and operation not in WITHOUT_SCOPE
        }

        assert unknown == {}

    def test_are_public_only_where_listed(self):
        public = {
            f"{method} {route}"
            for route, view, keys in VIEWS
            for method, key in keys.items()
            if view.required_scopes.get(key) is PUBLIC
        }

        assert public == PUBLIC_OPERATIONS

    @pytest.mark.parametrize(("route", "view", "keys"), VIEWS, ids=IDS)
    def test_spend_from_a_limit_that_exists(self, route, view, keys):
        scope = view.limit_scope
        named = set(scope.values()) if hasattr(scope, "values") else {scope}

        assert named <= set(settings.RATE_LIMITS)

    @pytest.mark.parametrize("route", IDS)
    def test_have_no_trailing_slash(self, route):
        assert not route.endswith("/")
