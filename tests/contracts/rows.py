"""What each list is filled with, so that one row and fifty can be compared.

A list, and whatever else grows with its rows, needs an entry in ROWS, or the suite fails.
"""

from __future__ import annotations

from copy import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from django.utils import timezone

from apps.developers.models import ApiKey, Application, OAuthClient, OAuthConsent, RequestRecord
from apps.developers.services.recording import record_requests
from apps.ml_models.models import (
    BatchPrediction,
    LoggedPrediction,
    Promotion,
    RegisteredModel,
    Replay,
)
from apps.ml_models.services.states import note_transition
from apps.orders.models import Coupon, Fulfilment, FulfilmentLine, Order
from apps.orders.services.timeline import note
from apps.products.models import (
    Category,
    PriceChange,
    Product,
    ProductImage,
    ProductImport,
    Stock,
    Variant,
    Warehouse,
)
from apps.webhooks.models import Delivery, EndpointHealth, EventRecord, WebhookEndpoint
from core.ids import uuid7
from tests.contracts.objects import a_job, a_prediction, a_replay, an_import
from tests.factories import oauth
from tests.factories.developers import make_key
from tests.factories.ml_models import ROW, make_ready_version, make_version, promote, run, submit
from tests.factories.orders import make_coupon, make_order
from tests.factories.pictures import make_image
from tests.factories.predictions import measure
from tests.factories.products import make_category, make_product, make_variant, make_warehouse
from tests.factories.requests import make_fact, make_principal
from tests.factories.reviews import make_review
from tests.factories.webhooks import make_delivery, make_endpoint, make_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model

    from core.security.principal import Principal
    from tests.contracts.cast import Cast

    Fill = Callable[[Cast, int], dict[str, Any]]
    Row = TypeVar("Row", bound=Model)

MISSING_ROWS = """
The list {route!r} has no entry in ROWS of tests/contracts/rows.py. Add one: a function that sees to
it that the list shows the owner exactly `count` rows (it is called again with more of them), each
with everything that `expand` can name, and answers the arguments of the route. The query counts
then cover the list, with one row and with fifty, and with each expansion that the schema names.
"""


def copies(row: Row, count: int, **columns: Callable[[int], Any]) -> list[Row]:
    """Rows like this one with ids of their own, past the limits that services have.

    Args:
        columns: what else must differ, of the number of the copy.
    """
    made = []
    for number in range(count):
        fresh = copy(row)
        fresh.pk, fresh._state = uuid7(), copy(row._state)
        fresh._state.adding = True
        for name, value in columns.items():
            setattr(fresh, name, value(number))
        fresh.save(force_insert=True)
        made.append(fresh)
    return made


def models(cast: Cast, count: int) -> dict[str, Any]:
    cast.fixture("churn")
    artefact = cast.fixture("artefacts")["linear"]
    for number in range(RegisteredModel.objects.count(), count):
        promote(make_ready_version(artefact, f"model-{number}"))
    return {}


def versions(cast: Cast, count: int) -> dict[str, Any]:
    model = cast.fixture("churn")
    for _ in range(model.versions.count(), count):
        make_version("churn")
    return {"name": "churn"}


def rollouts(cast: Cast, count: int) -> dict[str, Any]:
    model = cast.fixture("churn")
    copies(model.rollouts.first(), count - model.rollouts.count())
    return {"name": "churn"}


def promotions(cast: Cast, count: int) -> dict[str, Any]:
    model = cast.fixture("churn")  # its champion has left one
    there = Promotion.objects.filter(model=model)
    copies(there.first(), count - there.count())
    return {"name": model.name}


def replays(cast: Cast, count: int) -> dict[str, Any]:
    there = Replay.objects.all()
    row = there.first() or a_replay(cast, cast.owner, None).rows[0]
    copies(row, count - there.count())
    return {"name": "churn"}


def predictions(cast: Cast, count: int) -> dict[str, Any]:
    """Of the owner, of a minute ago."""
    row = a_prediction(cast, cast.owner, None).rows[0]
    there = LoggedPrediction.objects.filter(user_id=cast.owner.pk)
    copies(row, count - there.count())
    return {}


def quality(cast: Cast, count: int) -> dict[str, Any]:
    """Quality of so many days, and as many readings of one feature."""
    version = cast.fixture("churn").versions.get(number=1)
    today = timezone.now().date()
    for back in range(version.quality.count(), count):
        measure(version, today - timedelta(days=back))
    return {"name": "churn", "number": 1}


def transitions(cast: Cast, count: int) -> dict[str, Any]:
    version = cast.fixture("churn").versions.get(number=1)
    for _ in range(version.transitions.count(), count):
        note_transition(version, "ready", actor=None)
    return {"name": "churn", "number": 1}


def jobs(cast: Cast, count: int) -> dict[str, Any]:
    for _ in range(BatchPrediction.objects.count(), count):
        a_job(cast, cast.owner, None)
    return {}


def results(cast: Cast, count: int) -> dict[str, Any]:
    """A finished job with so many results, and as many errors."""
    cast.fixture("churn")
    wrong = {**ROW, "amount": "many"}
    job = submit(cast.owner, [ROW, wrong] * count, model_name="churn")
    run(job)
    return {"pk": job.pk}


def applications(cast: Cast, count: int) -> dict[str, Any]:
    for number in range(Application.objects.filter(owner=cast.owner).count(), count):
        oauth.make_application(cast.owner, f"Shop {number}")
    return {}


def keys(cast: Cast, count: int) -> dict[str, Any]:
    there = ApiKey.objects.filter(application=cast.maker)
    row = there.first() or make_key(cast.maker).row
    copies(row, count - there.count(), digest=lambda _: uuid7().bytes * 2)
    return {"application_id": cast.maker.pk}


def clients(cast: Cast, count: int) -> dict[str, Any]:
    there = OAuthClient.objects.filter(belongs_to=cast.maker)
    row = there.first() or oauth.make_client(cast.maker).client
    copies(row, count - there.count(), client_id=lambda _: uuid7().hex)
    return {"application_id": cast.maker.pk}


def authorizations(cast: Cast, count: int) -> dict[str, Any]:
    for number in range(OAuthConsent.objects.filter(user=cast.owner).count(), count):
        asking = oauth.make_application(cast.bob, f"Assistant {number}")
        oauth.tokens_of(cast.owner, oauth.make_client(asking))
    return {}


def of_maker(cast: Cast) -> Principal:
    """The owner's application, as it calls."""
    return make_principal(
        user_id=cast.owner.pk, owner_id=cast.owner.pk, application_id=cast.maker.pk
    )


def calls(cast: Cast, count: int) -> dict[str, Any]:
    missing = count - RequestRecord.objects.count()
    principal, now = of_maker(cast), timezone.now()
    record_requests([make_fact(principal, at=now) for _ in range(missing)])
    return {}


def usage(cast: Cast, count: int) -> dict[str, Any]:
    """Calls of so many routes on one day."""
    principal, now = of_maker(cast), timezone.now()
    record_requests([make_fact(principal, at=now, route=f"api/v1/{n}") for n in range(count)])
    return {}


def events(cast: Cast, count: int) -> dict[str, Any]:
    for _ in range(EventRecord.objects.filter(account_id=cast.owner.pk).count(), count):
        make_event(cast.owner, cast.maker)
    return {}


def endpoints(cast: Cast, count: int) -> dict[str, Any]:
    there = WebhookEndpoint.objects.filter(application=cast.maker)
    row = there.first() or make_endpoint(cast.maker).row
    copies(row, count - there.count())
    for missing in there.filter(health=None):
        EndpointHealth.objects.create(endpoint=missing)
    return {}


def deliveries(cast: Cast, count: int) -> dict[str, Any]:
    endpoint = WebhookEndpoint.objects.first() or make_endpoint(cast.maker).row
    for _ in range(Delivery.objects.filter(endpoint=endpoint).count(), count):
        make_delivery(endpoint, state="succeeded")
    return {"endpoint_id": endpoint.pk}


def orders(cast: Cast, count: int) -> dict[str, Any]:
    for _ in range(Order.objects.filter(user=cast.owner).count(), count):
        make_order(cast.owner)
    return {}


def order_events(cast: Cast, count: int) -> dict[str, Any]:
    """Of the owner's first order; that it was placed is the first of them."""
    orders(cast, 1)
    order = Order.objects.filter(user=cast.owner).order_by("id").first()
    for _ in range(order.events.count(), count):
        note(order=order, type="order.note_changed", data={}, actor=None)
    return {"order_id": order.pk}


def warehouses(cast: Cast, count: int) -> dict[str, Any]:
    for number in range(Warehouse.objects.count(), count):
        make_warehouse(f"place-{number}")
    return {}


def stocks(cast: Cast, count: int) -> dict[str, Any]:
    """Each of a variant of its own, with a movement each."""
    for _ in range(Stock.objects.count(), count):
        make_product()
    return {}


def categories(cast: Cast, count: int) -> dict[str, Any]:
    for number in range(Category.objects.count(), count):
        make_category(f"Shelf {number}")
    return {}


def _variant(cast: Cast) -> Variant:
    """The only one of a product; that of the call before, if there was one."""
    return Variant.objects.order_by("id").first() or make_product().only


def variants(cast: Cast, count: int) -> dict[str, Any]:
    """Of one product, each in stock."""
    product = _variant(cast).product
    for _ in range(product.variants.count(), count):
        make_variant(product, stock=3)
    return {"product_id": product.pk}


def prices(cast: Cast, count: int) -> dict[str, Any]:
    """What one variant has cost."""
    variant = _variant(cast)
    for number in range(variant.price_changes.count(), count):
        PriceChange.objects.create(
            variant=variant, price=number, currency="EUR", changed_by=cast.bob
        )
    return {"product_id": variant.product_id, "variant_id": variant.pk}


def products(cast: Cast, count: int) -> dict[str, Any]:
    """Each with a category, a variant in stock, and a picture."""
    active = Product.objects.filter(status=Product.Status.ACTIVE)
    for number in range(active.count(), count):
        product = make_product(f"Product {number}", category=make_category(f"Shelf {number}"))
        ProductImage.objects.create(
            product=product, sha256="0" * 64, key="00/picture", width=640, height=480
        )
    return {}


def images(cast: Cast, count: int) -> dict[str, Any]:
    """Of one product."""
    there = ProductImage.objects.all()
    row = there.first() or make_image()
    copies(row, count - there.count(), sha256=lambda _: uuid7().hex)
    return {"product_id": row.product_id}


def reviews(cast: Cast, count: int) -> dict[str, Any]:
    """Of one product, each by somebody else."""
    product = _variant(cast).product
    for _ in range(product.reviews.count(), count):
        make_review(product)
    return {"product_id": product.pk}


def product_imports(cast: Cast, count: int) -> dict[str, Any]:
    there = ProductImport.objects.all()
    row = there.first() or an_import(cast, cast.owner, None).rows[0]
    copies(row, count - there.count())
    return {}


def import_rows(cast: Cast, count: int) -> dict[str, Any]:
    """Of one import, each of which failed."""
    row = ProductImport.objects.first() or an_import(cast, cast.owner, None).rows[0]
    for number in range(row.rows.count(), count):
        row.rows.create(number=number + 10, outcome="failed", sku=f"S-{number}", errors=[])
    return {"import_id": row.pk}


def exported(cast: Cast, count: int) -> dict[str, Any]:
    """So many variants in stock; one product of theirs has a category."""
    products(cast, 1)
    variants(cast, count)
    return {}


def fulfilments(cast: Cast, count: int) -> dict[str, Any]:
    """Parcels of the owner's first order, with one line each."""
    orders(cast, 1)
    order = Order.objects.filter(user=cast.owner).order_by("id").first()
    line = order.lines.first()
    for number in range(order.fulfilments.count(), count):
        parcel = Fulfilment.objects.create(order=order, tracking_number=f"{number}")
        FulfilmentLine.objects.create(fulfilment=parcel, order_line=line, quantity=1)
    return {"order_id": order.pk}


def payments(cast: Cast, count: int) -> dict[str, Any]:
    """Given up, all of them, of the owner's first order."""
    orders(cast, 1)
    order = Order.objects.filter(user=cast.owner).order_by("id").first()
    for _ in range(order.payment_intents.count(), count):
        order.payment_intents.create(
            user_id=cast.owner.pk,
            provider="sandbox",
            status="cancelled",
            amount=order.total,
            currency=order.currency,
        )
    return {"order_id": order.pk}


def refunds(cast: Cast, count: int) -> dict[str, Any]:
    """Of a cent each, with one line each."""
    payments(cast, 1)
    order = Order.objects.filter(user=cast.owner).order_by("id").first()
    line, intent = order.lines.first(), order.payment_intents.first()
    for _ in range(order.refunds.count(), count):
        refund = order.refunds.create(
            intent=intent, amount="0.01", currency=order.currency, reason="customer"
        )
        refund.lines.create(order_line=line, quantity=1, amount="0.01")
    return {"order_id": order.pk}


def coupons(cast: Cast, count: int) -> dict[str, Any]:
    for _ in range(Coupon.objects.count(), count):
        make_coupon()
    return {}


ROWS: dict[str, Fill] = {
    "warehouses": warehouses,
    "stock": stocks,
    "stock/movements": stocks,
    "products": products,
    "categories": categories,
    "products/<uuid:product_id>/variants": variants,
    "products/<uuid:product_id>/variants/<uuid:variant_id>/prices": prices,
    "models": models,
    "models/<str:name>/versions": versions,
    "models/<str:name>/versions/<int:number>/transitions": transitions,
    "models/<str:name>/rollouts": rollouts,
    "models/<str:name>/promotions": promotions,
    "models/<str:name>/replays": replays,
    "models/<str:name>/versions/<int:number>/quality": quality,
    "models/<str:name>/versions/<int:number>/drift": quality,
    "predictions": predictions,
    "batch-predictions": jobs,
    "batch-predictions/<uuid:pk>/results": results,
    "batch-predictions/<uuid:pk>/errors": results,
    "applications": applications,
    "applications/<uuid:application_id>/keys": keys,
    "applications/<uuid:application_id>/oauth-clients": clients,
    "me/authorizations": authorizations,
    "requests": calls,
    "usage": usage,
    "events": events,
    "webhook-endpoints": endpoints,
    "webhook-endpoints/<uuid:endpoint_id>/deliveries": deliveries,
    "products/<uuid:product_id>/images": images,
    "products/<uuid:product_id>/reviews": reviews,
    "product-imports": product_imports,
    "product-imports/<uuid:import_id>/rows": import_rows,
    "product-export": exported,
    "coupons": coupons,
    "orders": orders,
    "orders/<uuid:order_id>/events": order_events,
    "orders/<uuid:order_id>/payments": payments,
    "orders/<uuid:order_id>/refunds": refunds,
    "orders/<uuid:order_id>/fulfilments": fulfilments,
}


def rows_of(route: str) -> Fill:
    """Raises AssertionError with what to do about it."""
    assert route in ROWS, MISSING_ROWS.format(route=route)
    return ROWS[route]
