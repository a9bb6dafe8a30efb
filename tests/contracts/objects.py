"""What each detail route is about: how such an object is made, and whose it is.

A route with an argument needs an entry in OBJECTS, or the suite fails.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from apps.developers.models import OAuthConsent, RequestRecord
from apps.developers.services.recording import record_requests
from apps.ml_models import runtime
from apps.ml_models.services.batch.submitting import input_of_features, submit_batch_prediction
from apps.ml_models.services.cards import edit_card, make_card
from apps.ml_models.services.knowledge import Knowledge
from apps.ml_models.services.replaying import start_replay
from core.api.permissions import PUBLIC
from core.ids import uuid7
from tests.contracts.shop_objects import (
    a_cart,
    a_cart_item,
    a_category,
    a_coupon,
    a_named_order,
    a_parcel,
    a_payment,
    a_product,
    a_provider,
    a_refund,
    a_review,
    a_size_of_an_image,
    a_stock,
    a_variant,
    a_warehouse,
    an_allowed_payment,
    an_image,
    an_import,
    an_order,
    an_order_to_close,
    an_order_to_send,
    images_of_a_product,
    parcels_of_an_order,
    payments_of_an_order,
    refunds_of_an_order,
    reviews_of_a_product,
    variants_of_a_product,
)
from tests.contracts.things import Made, Thing
from tests.factories import oauth
from tests.factories.developers import make_application, make_key
from tests.factories.ml_models import (
    ROW,
    make_ready_version,
    make_version,
    principal_of,
    promote,
    run,
)
from tests.factories.predictions import log_calls, measure
from tests.factories.promotions import a_candidate_of, log_call, propose_by, set_policy
from tests.factories.requests import make_fact, make_principal
from tests.factories.traffic import start_split
from tests.factories.webhooks import make_attempt, make_delivery, make_endpoint, make_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.accounts.models import User
    from apps.developers.models import Application
    from tests.contracts.cast import Actor, Cast
    from tests.contracts.routes import Operation, Route


# -- How they are made


def a_profile(cast: Cast, user: User, application: Application | None) -> Made:
    return Made({"user_id": user.pk}, (user,))


def a_model(cast: Cast, user: User, application: Application | None) -> Made:
    model = cast.fixture("churn")
    return Made({"name": model.name}, (model,))


def a_version(cast: Cast, user: User, application: Application | None) -> Made:
    version = cast.fixture("churn").versions.get(number=1)
    return Made({"name": "churn", "number": 1}, (version.model, version))


def a_spare_version(cast: Cast, user: User, application: Application | None) -> Made:
    """One that nothing names, so that it can be retired; described, with tags, and a descendant."""
    model = cast.fixture("churn")
    version = make_ready_version(cast.fixture("artefacts")["linear"])
    child = make_version(model.name)
    reference = {"score": {"edges": [0.5], "counts": [1, 2]}}
    make_card(child, Knowledge(parent=version.number, reference=reference), actor=None)
    edit_card(
        model_name=model.name,
        number=version.number,
        changes={"description": "To be retired.", "tags": {"team": "shop"}},
        actor=None,
    )
    version.refresh_from_db()
    return Made({"name": model.name, "number": version.number}, (version, version.card))


def an_alias(cast: Cast, user: User, application: Application | None) -> Made:
    """Beside the champion, which the default model must keep."""
    version = cast.fixture("churn").versions.get(number=1)
    promote(version, "challenger")
    runtime.refresh()
    alias = version.model.aliases.get(alias="challenger")
    return Made({"name": "churn", "alias": "challenger"}, (alias, version.model))


def a_split(cast: Cast, kind: str) -> Made:
    """Of an alias of its own; another version than its own gets a share."""
    model = cast.fixture("churn")
    promote(model.versions.get(number=1), "trial")
    last = model.splits.filter(alias="trial").order_by("-id").first()
    candidate = last.version if last else make_ready_version(cast.fixture("artefacts")["steeper"])
    split = start_split(candidate.number, alias="trial", kind=kind)
    return Made({"name": "churn", "alias": "trial"}, (split, model))


def a_canary(cast: Cast, user: User, application: Application | None) -> Made:
    return a_split(cast, "canary")


def a_shadow(cast: Cast, user: User, application: Application | None) -> Made:
    return a_split(cast, "shadow")


def a_rollout(cast: Cast, user: User, application: Application | None) -> Made:
    """The one that made the champion."""
    rollout = cast.fixture("churn").rollouts.first()
    return Made({"name": "churn", "pk": rollout.pk}, (rollout,))


def a_moved_alias(cast: Cast, user: User, application: Application | None) -> Made:
    """One that can be rolled back."""
    made = an_alias(cast, user, application)
    promote(make_ready_version(cast.fixture("artefacts")["steeper"], "churn"), "challenger")
    runtime.refresh()
    return made


def a_policy(cast: Cast, user: User, application: Application | None) -> Made:
    """With a row of its own."""
    model = cast.fixture("churn")
    return Made({"name": model.name}, (model, set_policy(model, gate_tolerance=0.125)))


def a_candidate(cast: Cast, user: User, application: Application | None) -> Made:
    """A model with a version that could be champion, and a call to replay."""
    version = a_candidate_of(cast.fixture("churn"), cast.fixture("artefacts")["linear"])
    log_call(version)
    return Made({"name": "churn"}, (version.model, version))


def a_promotion(cast: Cast, user: User, application: Application | None) -> Made:
    """Proposed by the owner, who is no second person for it."""
    made = a_candidate(cast, user, application)
    promotion = propose_by(user, made.rows[1])
    return Made({"name": "churn", "pk": promotion.pk}, (promotion, *made.rows))


def a_replay(cast: Cast, user: User, application: Application | None) -> Made:
    made = a_candidate(cast, user, application)
    replay = start_replay(
        model_name="churn", number=made.rows[1].number, against=None, calls=1, actor=None
    )
    return Made({"name": "churn", "pk": replay.pk}, (replay, *made.rows))


def a_replayed_model(cast: Cast, user: User, application: Application | None) -> Made:
    """A candidate that may be replayed once more."""
    made = a_replay(cast, user, application)
    return Made({"name": "churn"}, made.rows)


def a_job(cast: Cast, user: User, application: Application | None) -> Made:
    """Of two rows, the second of which is wrong."""
    cast.fixture("churn")
    job = submit_batch_prediction(
        principal=principal_of(user, application and application.pk),
        model_name="churn",
        number=None,
        alias=None,
        batch_input=input_of_features([ROW, {**ROW, "amount": "many"}]),
        output_format="jsonl",
        now=timezone.now(),
    )
    return Made({"pk": job.pk}, (job,))


def a_prediction(cast: Cast, user: User, application: Application | None) -> Made:
    """Of a minute ago, so that nobody is told to wait for it."""
    version = cast.fixture("churn").versions.get(number=1)
    [call] = log_calls(
        version,
        [[20.5]],
        at=timezone.now() - timedelta(minutes=1),
        features=[[list(ROW.values())]],
        user_id=user.pk,
        application_id=application and application.pk,
        caller=str(application.pk if application else user.pk),
    )
    return Made({"pk": call.pk}, (call,))


def a_measured_version(cast: Cast, user: User, application: Application | None) -> Made:
    """With a day of quality, and one of drift."""
    made = a_version(cast, user, application)
    version = made.rows[1]
    measure(version, timezone.now().date())
    return made


def a_finished_job(cast: Cast, user: User, application: Application | None) -> Made:
    made = a_job(cast, user, application)
    run(made.rows[0])
    return made


def an_application(cast: Cast, user: User, application: Application | None) -> Made:
    made = make_application(user, f"Shop {uuid7()}")
    return Made({"pk": made.pk}, (made,))


def keys_of_an_application(cast: Cast, user: User, application: Application | None) -> Made:
    made = make_application(user, f"Shop {uuid7()}")
    return Made({"application_id": made.pk}, (made, make_key(made).row))


def a_key(cast: Cast, user: User, application: Application | None) -> Made:
    made = make_application(user, f"Shop {uuid7()}")
    row = make_key(made).row
    return Made({"application_id": made.pk, "key_id": row.pk}, (row, made))


def clients_of_an_application(cast: Cast, user: User, application: Application | None) -> Made:
    made = make_application(user, f"Shop {uuid7()}")
    return Made({"application_id": made.pk}, (made, oauth.make_client(made).client))


def a_client(cast: Cast, user: User, application: Application | None) -> Made:
    made = make_application(user, f"Shop {uuid7()}")
    client = oauth.make_client(made).client
    return Made({"application_id": made.pk, "client_id": client.pk}, (client, made))


def an_authorization(cast: Cast, user: User, application: Application | None) -> Made:
    """What somebody else's application may do in the user's name."""
    asking = make_application(cast.bob, f"Assistant {uuid7()}")
    oauth.tokens_of(user, oauth.make_client(asking))
    consent = OAuthConsent.objects.get(user=user, application=asking)
    return Made({"application_id": asking.pk}, (consent, asking))


def a_call(cast: Cast, user: User, application: Application | None) -> Made:
    principal = make_principal(
        user_id=user.pk,
        application_id=application and application.pk,
        owner_id=application and application.owner_id,
    )
    fact = make_fact(principal, at=timezone.now())
    record_requests([fact])
    row = RequestRecord.objects.get(account_id=principal.account_id, request_id=fact.request_id)
    return Made({"request_id": fact.request_id}, (row,))


def an_endpoint(cast: Cast, user: User, application: Application | None) -> Made:
    """Of the application; without one, of an application of the user that nobody calls by."""
    owner = application or make_application(user, f"Shop {uuid7()}")
    made = make_endpoint(owner).row
    return Made({"endpoint_id": made.pk}, (made, owner))


def a_delivery(cast: Cast, user: User, application: Application | None) -> Made:
    """One that has failed for good, with its last try."""
    made = an_endpoint(cast, user, application)
    delivery = make_delivery(made.rows[0], state="failed", attempts=1)
    make_attempt(delivery)
    return Made({**made.arguments, "delivery_id": delivery.pk}, (delivery, *made.rows))


def deliveries_of_an_endpoint(cast: Cast, user: User, application: Application | None) -> Made:
    made = a_delivery(cast, user, application)
    return Made({"endpoint_id": made.arguments["endpoint_id"]}, made.rows)


def an_event(cast: Cast, user: User, application: Application | None) -> Made:
    made = make_event(user, application)
    return Made({"event_id": made.id}, (made,))


JOB = Thing(a_job, by_application=True)
FINISHED_JOB = Thing(a_finished_job, by_application=True)
MODEL, VERSION = Thing(a_model, is_owned=False), Thing(a_version, is_owned=False)
ALIAS = Thing(an_alias, is_owned=False, free={"PUT": frozenset({"alias"})})
CANDIDATE = Thing(a_candidate, is_owned=False)
PROMOTION = Thing(a_promotion, is_owned=False)
PREDICTION = Thing(a_prediction, by_application=True)
MEASURED = Thing(a_measured_version, is_owned=False)
KEY, CLIENT = Thing(a_key), Thing(a_client)


IMAGE = Thing(an_image, is_owned=False)
IMPORT = Thing(an_import, is_owned=False)
VARIANT = Thing(a_variant, is_owned=False)
ENDPOINT = Thing(an_endpoint, by_application=True)
DELIVERY = Thing(a_delivery, by_application=True)
ORDER = Thing(an_order, by_application=True, seen_with="orders:manage")
PARCEL = Thing(a_parcel, by_application=True, seen_with="orders:manage")
PAYMENT = Thing(a_payment, by_application=True, seen_with="orders:manage")

OBJECTS: dict[str, Thing] = {
    "warehouses/<uuid:warehouse_id>": Thing(a_warehouse, is_owned=False),
    "stock/<uuid:stock_id>": Thing(a_stock, is_owned=False),
    "users/<uuid:user_id>": Thing(a_profile, is_owned=False),
    "models/<str:name>": MODEL,
    "models/<str:name>/predict": MODEL,
    "models/<str:name>/versions": MODEL,
    "models/<str:name>/versions/<int:number>": VERSION,
    "models/<str:name>/versions/<int:number>/golden": VERSION,
    "models/<str:name>/versions/<int:number>/retire": Thing(a_spare_version, is_owned=False),
    "models/<str:name>/versions/<int:number>/transitions": VERSION,
    "models/<str:name>/versions/<int:number>/predict": VERSION,
    "models/<str:name>/aliases/<str:alias>": ALIAS,
    "models/<str:name>/aliases/<str:alias>/predict": Thing(an_alias, is_owned=False),
    "models/<str:name>/aliases/<str:alias>/rollback": Thing(a_moved_alias, is_owned=False),
    "models/<str:name>/rollouts": MODEL,
    "models/<str:name>/rollouts/<uuid:pk>": Thing(a_rollout, is_owned=False),
    "models/<str:name>/aliases/<str:alias>/canary": Thing(a_canary, is_owned=False),
    "models/<str:name>/aliases/<str:alias>/shadow": Thing(a_shadow, is_owned=False),
    "models/<str:name>/aliases/<str:alias>/comparison": Thing(a_canary, is_owned=False),
    "models/<str:name>/policy": Thing(a_policy, is_owned=False),
    "models/<str:name>/versions/<int:number>/gate": VERSION,
    "models/<str:name>/promotions": CANDIDATE,
    "models/<str:name>/promotions/<uuid:pk>": PROMOTION,
    "models/<str:name>/promotions/<uuid:pk>/approve": PROMOTION,
    "models/<str:name>/promotions/<uuid:pk>/reject": PROMOTION,
    "models/<str:name>/promotions/<uuid:pk>/withdraw": PROMOTION,
    "models/<str:name>/replays": Thing(a_replayed_model, is_owned=False),
    "models/<str:name>/replays/<uuid:pk>": Thing(a_replay, is_owned=False),
    "models/<str:name>/versions/<int:number>/quality": MEASURED,
    "models/<str:name>/versions/<int:number>/drift": MEASURED,
    "predictions/<uuid:pk>": PREDICTION,
    "predictions/<uuid:pk>/feedback": PREDICTION,
    "batch-predictions/<uuid:pk>": JOB,
    "batch-predictions/<uuid:pk>/cancel": JOB,
    "batch-predictions/<uuid:pk>/results": FINISHED_JOB,
    "batch-predictions/<uuid:pk>/errors": FINISHED_JOB,
    "categories/<uuid:category_id>": Thing(a_category, is_owned=False),
    "products/<str:product>": Thing(a_product, is_owned=False),
    "products/<uuid:product_id>/variants": Thing(variants_of_a_product, is_owned=False),
    "products/<uuid:product_id>/variants/<uuid:variant_id>": VARIANT,
    "products/<uuid:product_id>/variants/<uuid:variant_id>/prices": VARIANT,
    "applications/<uuid:pk>": Thing(an_application),
    "applications/<uuid:application_id>/keys": Thing(keys_of_an_application),
    "applications/<uuid:application_id>/keys/<uuid:key_id>": KEY,
    "applications/<uuid:application_id>/keys/<uuid:key_id>/rotate": KEY,
    "applications/<uuid:application_id>/oauth-clients": Thing(clients_of_an_application),
    "applications/<uuid:application_id>/oauth-clients/<uuid:client_id>": CLIENT,
    "applications/<uuid:application_id>/oauth-clients/<uuid:client_id>/rotate-secret": CLIENT,
    "me/authorizations/<uuid:application_id>": Thing(an_authorization),
    "requests/<str:request_id>": Thing(a_call, by_application=True),
    "events/<uuid:event_id>": Thing(an_event, by_application=True),
    "webhook-endpoints/<uuid:endpoint_id>": ENDPOINT,
    "webhook-endpoints/<uuid:endpoint_id>/rotate-secret": ENDPOINT,
    "webhook-endpoints/<uuid:endpoint_id>/test": ENDPOINT,
    "webhook-endpoints/<uuid:endpoint_id>/redeliver": ENDPOINT,
    "webhook-endpoints/<uuid:endpoint_id>/deliveries": Thing(
        deliveries_of_an_endpoint, by_application=True
    ),
    "webhook-endpoints/<uuid:endpoint_id>/deliveries/<uuid:delivery_id>": DELIVERY,
    "webhook-endpoints/<uuid:endpoint_id>/deliveries/<uuid:delivery_id>/redeliver": DELIVERY,
    "products/<uuid:product_id>/images": Thing(images_of_a_product, is_owned=False),
    "products/<uuid:product_id>/images/<uuid:image_id>": IMAGE,
    "product-images/<uuid:image_id>/<str:size>": Thing(a_size_of_an_image, is_owned=False),
    "products/<uuid:product_id>/reviews": Thing(reviews_of_a_product, is_owned=False),
    "products/<uuid:product_id>/reviews/<uuid:review_id>": Thing(a_review, by_application=True),
    "product-imports/<uuid:import_id>": IMPORT,
    "product-imports/<uuid:import_id>/rows": IMPORT,
    "cart/items/<uuid:item_id>": Thing(a_cart_item),
    "coupons/<uuid:coupon_id>": Thing(a_coupon, is_owned=False),
    "orders/<str:order>": Thing(a_named_order, by_application=True, seen_with="orders:manage"),
    "orders/<uuid:order_id>/events": ORDER,
    "orders/<uuid:order_id>/cancel": ORDER,
    "orders/<uuid:order_id>/process": Thing(an_order_to_send, is_owned=False, by_application=True),
    "orders/<uuid:order_id>/complete": Thing(an_order_to_close, is_owned=False),
    "orders/<uuid:order_id>/payments": Thing(
        payments_of_an_order, by_application=True, seen_with="orders:manage"
    ),
    "orders/<uuid:order_id>/payments/<uuid:payment_id>": PAYMENT,
    "orders/<uuid:order_id>/payments/<uuid:payment_id>/confirm": PAYMENT,
    "orders/<uuid:order_id>/payments/<uuid:payment_id>/cancel": PAYMENT,
    "orders/<uuid:order_id>/payments/<uuid:payment_id>/capture": Thing(
        an_allowed_payment, by_application=True, seen_with="orders:manage"
    ),
    "orders/<uuid:order_id>/refunds": Thing(
        refunds_of_an_order, by_application=True, seen_with="orders:manage"
    ),
    "orders/<uuid:order_id>/refunds/<uuid:refund_id>": Thing(
        a_refund, by_application=True, seen_with="orders:manage"
    ),
    "payment-providers/<str:provider>/callback": Thing(a_provider, is_owned=False),
    "orders/<uuid:order_id>/fulfilments": Thing(
        parcels_of_an_order, by_application=True, seen_with="orders:manage"
    ),
    "orders/<uuid:order_id>/fulfilments/<uuid:fulfilment_id>": PARCEL,
    "orders/<uuid:order_id>/fulfilments/<uuid:fulfilment_id>/deliver": PARCEL,
}

MISSING_OBJECT = """
The route {route!r} has an argument and no entry in OBJECTS of tests/contracts/objects.py. Add one:
a function that makes such an object for a user (and, if applications may make it, for theirs) and
answers Made(arguments of the route, rows that no refused call may change), in a Thing that says
whether it is owned and whether an application may make it. The access matrix then covers it.
"""


def thing_of(route: str) -> Thing:
    """Raises AssertionError with what to do about it."""
    assert route in OBJECTS, MISSING_OBJECT.format(route=route)
    return OBJECTS[route]


# What a list is to show to the owner, where the people alone leave it empty.
CONTENTS: dict[str, Callable[[Cast, User, Application | None], Made]] = {
    "warehouses": a_warehouse,
    "stock": a_stock,
    "stock/movements": a_stock,
    "models": a_model,
    "categories": a_category,
    "products": a_product,
    "product-imports": an_import,
    "product-export": a_product,
    "predictions": a_prediction,
    "batch-predictions": a_job,
    "me/authorizations": an_authorization,
    "requests": a_call,
    "usage": a_call,
    "events": an_event,
    "webhook-endpoints": an_endpoint,
    "orders": an_order,
    "cart": a_cart,
    "coupons": a_coupon,
}


def stage(cast: Cast, route: Route) -> dict[str, Any]:
    """Make what a route is about, by the owner's application where one may; its arguments."""
    if not route.converters:
        CONTENTS.get(route.text, lambda *_: None)(cast, cast.owner, cast.maker)
        return {}
    thing = thing_of(route.text)
    maker = cast.maker if thing.by_application else None
    return thing.make(cast, cast.owner, maker).arguments


def whoever_may(cast: Cast, operation: Operation) -> Actor:
    """Somebody who is let in: nobody in particular, the owner, or staff for what is staff's."""
    if operation.scope is PUBLIC:
        return cast.nobody()
    owner = cast.login("owner", cast.owner)
    return owner if operation.scope in {None, *owner.scopes} else cast.login("staff", cast.bob)
