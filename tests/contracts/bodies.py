"""Bodies with which each operation works.

The schema's first example is one, mostly. An operation whose example would not work as it stands,
since it names what is not there, needs an entry in BODIES.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from apps.accounts.services import Origin, log_in
from apps.accounts.services.confirming import Confirmation, make_confirmation
from apps.accounts.services.resetting import make_reset
from apps.ml_models.models import TrafficSplit
from apps.orders.services.providers.signatures import sign
from core.ids import uuid7
from tests.contracts.calling import NOTHING, Form, WithHeaders
from tests.factories.accounts import PASSWORD
from tests.factories.carts import begin_cart
from tests.factories.imports import a_row, csv_of
from tests.factories.ml_models import ROW
from tests.factories.orders import order_of
from tests.factories.payments import event
from tests.factories.pictures import a_jpeg
from tests.factories.products import make_product
from tests.factories.promotions import a_candidate_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contracts.cast import Cast
    from tests.contracts.routes import Operation


def _refresh(cast: Cast) -> dict[str, str]:
    origin = Origin(ip="127.0.0.1", user_agent="test")
    tokens = log_in(
        identifier=cast.owner.username, password=PASSWORD, origin=origin, now=timezone.now()
    )
    return {"refresh": tokens.refresh}


def _confirmation(cast: Cast) -> dict[str, str]:
    confirmation = Confirmation(cast.owner.pk, cast.owner.email)
    return {"confirmation": make_confirmation(confirmation)}


def _upload(cast: Cast) -> Form:
    return Form(files={"artefact": ("model.keras", b"PK\x03\x04" + b"0" * 64)})


def _predict(cast: Cast) -> dict[str, Any]:
    cast.fixture("churn")
    return {"features": [ROW]}


def _split_candidate(_: Cast) -> dict[str, Any]:
    """The version that the split has, with another share."""
    split = TrafficSplit.objects.select_related("version").order_by("-id").first()
    return {"version": split.version.number if split else 1, "percent": 30}


def _promotable(cast: Cast) -> dict[str, Any]:
    model, artefact = cast.fixture("churn"), cast.fixture("artefacts")["linear"]
    return {"version": a_candidate_of(model, artefact).number}


def _variant(_: Cast) -> dict[str, Any]:
    return {"sku": f"TEE-{uuid7()}", "price": {"amount": "19.99", "currency": "EUR"}}


def _callback() -> WithHeaders:
    """About nothing of ours."""
    body = event("agora_unknown", "succeeded")
    signature = sign(body, provider="sandbox", now=timezone.now())
    return WithHeaders(body, {"HTTP_AGORA_SIGNATURE": signature})


# Signed as a whole: whatever is changed in such a body, the signature is not its own any more.
SIGNED = frozenset({"POST payment-providers/<str:provider>/callback"})

BODIES: dict[str, Callable[[Cast], Any]] = {
    "POST warehouses": lambda _: {"code": f"place-{uuid7().hex[-12:]}", "name": "Somewhere"},
    "POST stock/adjustments": lambda _: {
        "variant_id": str(make_product().only.pk),
        "warehouse": "main",
        "delta": 12,
        "reason": "received",
    },
    "POST products": lambda cast: {"name": "Plain tee", "variants": [_variant(cast)]},
    "POST products/<uuid:product_id>/variants": _variant,
    "POST products/<uuid:product_id>/images": lambda _: Form(
        files={"file": ("tee.png", a_jpeg((8, 8)))}
    ),
    "POST product-imports": lambda _: Form(files={"file": ("tees.csv", csv_of(a_row()).encode())}),
    "POST register": lambda _: {"username": "newcomer", "password": PASSWORD},
    "POST login": lambda cast: {"username": cast.owner.username, "password": PASSWORD},
    "POST token/refresh": _refresh,
    "POST logout": _refresh,
    "POST email-confirmations": _confirmation,
    "POST password-resets/confirm": lambda cast: {
        "token": make_reset(cast.owner),
        "password": "a quite new pass phrase",
    },
    "POST password-resets": lambda _: {"email": f"{uuid7()}@example.org"},  # five an hour for each
    "POST me/password": lambda _: {
        "current_password": PASSWORD,
        "new_password": "a quite new pass phrase",
    },
    "POST me/email": lambda _: {"current_password": PASSWORD, "email": "new@example.org"},
    "POST predict": _predict,
    "POST models": lambda _: {"name": "fresh"},
    "POST models/<str:name>/predict": _predict,
    "POST models/<str:name>/versions": _upload,
    "POST models/<str:name>/versions/<int:number>/predict": _predict,
    "POST models/<str:name>/aliases/<str:alias>/predict": _predict,
    "PUT models/<str:name>/aliases/<str:alias>": lambda _: {"version": 1},
    "PUT models/<str:name>/aliases/<str:alias>/canary": _split_candidate,
    "PUT models/<str:name>/aliases/<str:alias>/shadow": _split_candidate,
    "POST models/<str:name>/promotions": _promotable,
    "POST models/<str:name>/replays": _promotable,
    "POST applications/<uuid:application_id>/keys": lambda _: {
        "name": "nightly import",
        "scopes": ["models:read"],
    },
    "POST webhook-endpoints": lambda cast: {
        "application_id": str(cast.maker.pk),
        "url": "https://hooks.example.org/agora",
        "event_types": ["*"],
    },
    "POST predictions/<uuid:pk>/feedback": lambda _: {"truth": 1},
    "POST orders/<uuid:order_id>/payments/<uuid:payment_id>/capture": lambda _: {},
    "POST orders/<uuid:order_id>/refunds": lambda _: {"reason": "customer"},
    "POST payment-providers/<str:provider>/callback": lambda _: _callback(),
    "POST orders/<uuid:order_id>/fulfilments": lambda _: {"carrier": "DHL"},
    "POST cart/items": lambda _: {"variant_id": str(make_product().only.pk), "quantity": 1},
    "POST cart/merge": lambda _: {"cart_token": begin_cart()},
    "PATCH cart": lambda _: {"reserve": True},
    "POST coupons": lambda _: {"kind": "free_shipping"},
    "POST orders": lambda _: order_of((make_product().only, 1)),
    "POST batch-predictions": lambda cast: {"model": "churn", **_predict(cast)},
}


def body_of(cast: Cast, operation: Operation) -> Any:
    """A body with which the operation works: ours, else the schema's example, else none."""
    own = BODIES.get(str(operation))
    if own is not None:
        return own(cast)
    return NOTHING if operation.example is None else operation.example
