"""A test event, so that a receiver can be tried without waiting for something to happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from apps.webhooks.errors import TooManyTestsError
from apps.webhooks.events import ENDPOINT_TEST
from apps.webhooks.models import Delivery
from apps.webhooks.services.announcing import record_endpoint
from apps.webhooks.services.bodies import Content, body_of
from apps.webhooks.services.locking import check_sendable, end_rest, lock_own_endpoint
from core.ids import uuid7
from core.observability.request_id import current

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from core.security.principal import Principal

TESTS_WAITING_MAX: Final = 10  # of one endpoint: nobody is flooded by way of us
MESSAGE: Final = "This is a test event of Agora."


@transaction.atomic
def send_test(*, endpoint_id: UUID, actor: Principal, now: datetime) -> Delivery:
    """Have a test event sent to an endpoint, whatever its event types; it waits for nobody.

    Nor for the endpoint's rest: whoever has mended a receiver wants to know whether it works.

    Raises:
        EndpointNotFoundError, EndpointDisabledError.
        apps.developers.errors.ApplicationSuspendedError.
        TooManyTestsError: TESTS_WAITING_MAX have neither arrived nor failed.
    """
    endpoint = lock_own_endpoint(endpoint_id, actor)
    check_sendable(endpoint)
    waiting = Delivery.objects.filter(endpoint=endpoint, is_test=True, state=Delivery.State.PENDING)
    if waiting.count() >= TESTS_WAITING_MAX:
        raise TooManyTestsError(f"{TESTS_WAITING_MAX} test events wait.")
    end_rest(endpoint)
    data = {"application_id": str(endpoint.application_id), "message": MESSAGE}
    content = Content(
        type=ENDPOINT_TEST.name,
        object_type=ENDPOINT_TEST.object_type,
        object_id=str(endpoint.pk),
        sequence=0,
        schema_version=ENDPOINT_TEST.schema_version,
        data=data,
        request_id=current().request_id,
        occurred_at=now,
    )
    delivery: Delivery = Delivery.objects.create(
        endpoint=endpoint,
        event_id=uuid7(),
        event_position=0,
        event_type=ENDPOINT_TEST.name,
        object_key=f"{ENDPOINT_TEST.object_type}:{endpoint.pk}",
        body=body_of(content),
        request_id=current().request_id,
        is_test=True,
        is_ordered=False,
        next_attempt_at=now,
    )
    record_endpoint("tested", endpoint, actor, before=None, after={"delivery": str(delivery.pk)})
    return delivery
