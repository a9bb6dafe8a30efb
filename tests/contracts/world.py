"""A row in every table of ours: what the routes are about, and what nobody asks for by a route."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from apps.behaviour.services.recording import record_behaviour
from apps.developers.models import Plan, UserPlan
from apps.ml_models.models import (
    LoggedPrediction,
    ModelVersion,
    ServedVersion,
    ServingProcess,
    ShadowPrediction,
    UploadedArtefact,
)
from apps.orders.models import OrderCheck
from apps.products.services.stock.checking import check_stock
from core.ids import uuid7
from tests.contracts.calls import writing
from tests.contracts.objects import stage
from tests.contracts.routes import OPERATIONS, ROUTES
from tests.factories.behaviour import make_behaviour
from tests.factories.orders import make_coupon, make_order
from tests.factories.predictions import tell_truths

if TYPE_CHECKING:
    from tests.contracts.cast import Cast

# Their answers are kept, or their tokens: rows that no route shows.
CALLED = (
    "POST login",
    "POST batch-predictions",
    "POST payment-providers/<str:provider>/callback",
)

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
    _tell_of_predictions()
    _upload(cast)
    OrderCheck.objects.create(checked=1, drifted=0)
    make_order(cast.owner, coupon=make_coupon().code)
    check_stock(actor=None, now=timezone.now())
    record_behaviour([make_behaviour(user_id=cast.owner.pk)])


def _upload(cast: Cast) -> None:
    """A file that waits for its version, as MLflow's client sends it."""
    UploadedArtefact.objects.create(
        path="runs/1/model.keras",
        sha256="0" * 64,
        bytes=1,
        created_by=cast.owner,
        expires_at=timezone.now() + timedelta(days=1),
    )


def _serve() -> None:
    process = ServingProcess.objects.create(id=uuid7(), role="web", host="here", pid=1)
    version = ModelVersion.objects.first()
    ServedVersion.objects.create(process=process, version=version, state="available")


def _tell_of_predictions() -> None:
    """A truth, and what a shadow would have said."""
    call = LoggedPrediction.objects.order_by("id").last()
    tell_truths([call], [[1.0]])
    ShadowPrediction.objects.create(
        day=call.day,
        prediction_id=call.pk,
        split_id=uuid7(),
        version_id=call.version_id,
        scores=[0.5],
        outcome="ok",
        latency_us=100,
    )
