"""drf-spectacular: OpenAPI 3.1, pages served by the platform itself."""

from __future__ import annotations

_DESCRIPTION = """\
Trained models as dependable services: predictions over one row or a million, applications with
keys and OAuth 2.0, signed webhooks.

**Who calls.** `Authorization: Bearer <token>`: an access token of `POST /api/v1/login`, an API key
(`sk_…`), or an OAuth 2.0 access token (`oat_…`). Each operation names the scope that it needs.

**Errors** are RFC 9457 problems. Decide by `code`, which never changes; `type` leads to a page that
explains it, and [/problems](/problems) lists all.

**Try again** what you like: a POST or PATCH with an `Idempotency-Key` has one effect and one
answer. 429 and 503 say in `Retry-After` when.

**Edit safely**: send the `ETag` of what you read as `If-Match`; 412 means that it has changed
since.

**Lists** are pages with an opaque cursor: follow `next` until it is null. New members, and new
values of enumerations, may appear at any time.
"""

_TAGS = [
    {"name": "accounts", "description": "Sign up, log in, change your own account."},
    {
        "name": "applications",
        "description": "Your programs, which keys and OAuth clients belong to.",
    },
    {"name": "API keys", "description": "How a program of yours says who it is."},
    {"name": "OAuth clients", "description": "How other people let a program act for them."},
    {"name": "models", "description": "What may be called, in which versions, and what they take."},
    {"name": "promotions", "description": "How a version comes to be the one that answers."},
    {"name": "traffic", "description": "Versions that answer a share of the callers, or none."},
    {"name": "predictions", "description": "Rows in, predictions out, at once."},
    {
        "name": "batch predictions",
        "description": "Files in, predictions out, in the background.",
    },
    {"name": "products", "description": "What is sold: find it, read it, change it."},
    {"name": "categories", "description": "The tree that products are found under."},
    {"name": "product images", "description": "What products look like, in several sizes."},
    {"name": "reviews", "description": "What buyers think of a product."},
    {"name": "product imports", "description": "The catalogue as a CSV file, in and out."},
    {"name": "stock", "description": "What lies where, what of it is promised, and why."},
    {"name": "cart", "description": "What somebody means to buy, known or not."},
    {"name": "orders", "description": "What was bought, and what became of it."},
    {"name": "payments", "description": "How orders are paid, and money is given back."},
    {"name": "coupons", "description": "Codes that make an order cheaper."},
    {"name": "webhooks", "description": "Where signed events are delivered, and how that went."},
    {"name": "events", "description": "What has happened, to read after the fact."},
    {"name": "limits", "description": "How much you may call, and what is left."},
    {"name": "usage", "description": "What you have called."},
]

# What people read as class names in generated clients, where the serializers' own names are short
# because their app says the rest. Endings (Input, Patch, Page) are put on by core.api.schema.names.
SCHEMA_NAMES = {
    "Adjustment": "StockAdjustment",
    "Alias": "ModelAlias",
    "AliasDetail": "ModelAliasDetail",
    "Arm": "ComparedArm",
    "Attempt": "WebhookAttempt",
    "Canary": "ModelCanary",
    "Client": "OauthClient",
    "ClientWithSecret": "IssuedOauthClient",
    "Comparison": "ArmComparison",
    "Confirmation": "EmailConfirmation",
    "Counts": "BatchCounts",
    "Decision": "PromotionDecision",
    "DecisionPair": "ReplayDecisionPair",
    "Delivery": "WebhookDelivery",
    "DeliveryDetail": "WebhookDeliveryDetail",
    "Detail": "BatchDetail",
    "Difference": "ArmDifference",
    "Differences": "ReplayDifferences",
    "DifferentRow": "ReplayDifferentRow",
    "Email": "EmailChange",
    "Endpoint": "WebhookEndpoint",
    "Engine": "ModelEngine",
    "File": "ArtefactFile",
    "Frameworks": "ModelFrameworks",
    "Golden": "GoldenSet",
    "Guard": "CanaryGuard",
    "Health": "WebhookEndpointHealth",
    "Image": "ProductImage",
    "ImageSize": "ProductImageSize",
    "ImportError": "ProductImportError",
    "ImportFault": "ProductImportFault",
    "Interval": "ConfidenceInterval",
    "IssuedEndpoint": "IssuedWebhookEndpoint",
    "IssuedKey": "IssuedApiKey",
    "Key": "ApiKey",
    "Limits": "CallerLimits",
    "Lineage": "ParentVersion",
    "Movement": "StockMovement",
    "Password": "PasswordChange",
    "PerRow": "ReplaySpeed",
    "Policy": "LimitPolicy",
    "Predict": "Predictions",
    "PredictNamed": "NamedPredictions",
    "Quota": "DailyQuota",
    "Range": "Redelivery",
    "Reason": "RejectionReason",
    "Request": "LoggedRequest",
    "Reset": "PasswordReset",
    "ResetRequest": "PasswordResetRequest",
    "Retire": "Retirement",
    "Rollback": "ModelRollback",
    "Rollout": "ModelRollout",
    "RolloutFailure": "ModelRolloutFailure",
    "Rotation": "KeyRotation",
    "RowFailure": "ReplayFailure",
    "Scored": "ReplayScore",
    "Scoring": "ReplayScoring",
    "Served": "ServingState",
    "Shadow": "ModelShadow",
    "Tolerance": "GoldenTolerance",
    "Transition": "VersionTransition",
    "Version": "ModelVersion",
    "VersionSummary": "ModelVersionSummary",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Agora API",
    "DESCRIPTION": _DESCRIPTION,
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "CONTACT": {"name": "The people who run this platform", "url": "/"},
    "SERVERS": [{"url": "/", "description": "The platform that serves this document."}],
    "TAGS": _TAGS,
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.api.schema.add_common_parts",
        "core.api.schema.add_webhooks",
    ],
    "GET_LIB_DOC_EXCLUDES": "core.api.schema.names.without_own_words",
    "ENUM_SUFFIX": "",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # a value's label says no more than the value
    "ENUM_NAME_OVERRIDES": {
        "OrderActor": "apps.orders.api.v1.serializers.orders.ACTORS",
        "OrderCancelReason": "apps.orders.models.Order.CancelReason",
        "OrderFulfilmentStatus": "apps.orders.models.Order.FulfilmentStatus",
        "OrderPaymentStatus": "apps.orders.models.Order.PaymentStatus",
        "OrderStatus": "apps.orders.models.Order.Status",
        "PaymentCaptureMethod": "apps.orders.models.PaymentIntent.CaptureMethod",
        "PaymentStatus": "apps.orders.models.PaymentIntent.Status",
        "RefundReason": "apps.orders.models.Refund.Reason",
        "RefundReasonByHand": "apps.orders.api.v1.serializers.refunds.BY_HAND",
        "RefundStatus": "apps.orders.models.Refund.Status",
        "FulfilmentState": "apps.orders.models.Fulfilment.State",
        "ProductStatus": "apps.products.models.Product.Status",
        "ProductImportState": "apps.products.models.ProductImport.State",
        "ProductImportOutcome": "apps.products.models.ProductImportRow.Outcome",
        "ReviewState": "apps.products.api.v1.serializers.reviews.SHOWN",
        "CouponKind": "apps.orders.models.Coupon.Kind",
        "ModelVersionState": "apps.ml_models.models.ModelVersion.State",
        "PredictionArm": "apps.ml_models.models.LoggedPrediction.Arm",
        "PromotionState": "apps.ml_models.models.Promotion.State",
        "ReplayState": "apps.ml_models.models.Replay.State",
        "RolloutKind": "apps.ml_models.models.Rollout.Kind",
        "RolloutState": "apps.ml_models.models.Rollout.State",
        "TrafficSplitState": "apps.ml_models.models.TrafficSplit.State",
        "WebhookDeliveryState": "apps.webhooks.models.Delivery.State",
    },
}
