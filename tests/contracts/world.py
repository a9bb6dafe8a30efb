"""A row in every table of ours: what the routes are about, and what nobody asks for by a route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import Group, Permission

from apps.developers.models import Plan, UserPlan
from apps.ml_models.models import ModelVersion, ServedVersion, ServingProcess
from core.ids import uuid7
from tests.contracts.calls import writing
from tests.contracts.objects import stage
from tests.contracts.routes import OPERATIONS, ROUTES

if TYPE_CHECKING:
    from tests.contracts.cast import Cast

# Their answers are kept, or their tokens: rows that no route shows.
CALLED = ("POST login", "POST batch-predictions")

EMPTY = """
These tables have no row, so nobody knows whether the code of the last release can still write them:
{tables}. Make one in `populate` of tests/contracts/world.py.
"""


def populate(cast: Cast) -> None:
    """Make the rows."""
    for route in ROUTES:
        stage(cast, route)
    for operation in OPERATIONS:
        if str(operation) in CALLED:
            response = writing(cast, operation)()
            assert response.status_code < 300, response.content
    cast.owner.groups.add(Group.objects.create(name="people"))
    cast.owner.user_permissions.add(Permission.objects.first())
    UserPlan.objects.create(user=cast.owner, plan=Plan.objects.get(is_default=True))
    list(cast.bad())  # with what is revoked
    _serve()


def _serve() -> None:
    process = ServingProcess.objects.create(id=uuid7(), role="web", host="here", pid=1)
    version = ModelVersion.objects.first()
    ServedVersion.objects.create(process=process, version=version, state="available")
