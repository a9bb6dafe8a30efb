"""Routes of orders in version 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from apps.orders.api.v1.views.callbacks import ProviderCallbackView
from apps.orders.api.v1.views.carts import CartItemsView, CartItemView, CartMergeView, CartView
from apps.orders.api.v1.views.coupons import CouponViewSet
from apps.orders.api.v1.views.fulfilments import FulfilmentViewSet
from apps.orders.api.v1.views.orders import OrderEventViewSet, OrderViewSet
from apps.orders.api.v1.views.payments import PaymentViewSet
from apps.orders.api.v1.views.refunds import RefundViewSet
from apps.orders.api.v1.views.steps import OrderStepViewSet

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("cart", CartView.as_view(), name="cart"),
    path("cart/items", CartItemsView.as_view(), name="cart-item-list"),
    path("cart/items/<uuid:item_id>", CartItemView.as_view(), name="cart-item-detail"),
    path("cart/merge", CartMergeView.as_view(), name="cart-merge"),
    path("coupons", CouponViewSet.as_view({"get": "list", "post": "create"}), name="coupon-list"),
    path(
        "coupons/<uuid:coupon_id>",
        CouponViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="coupon-detail",
    ),
    path("orders", OrderViewSet.as_view({"get": "list", "post": "create"}), name="order-list"),
    path(
        "orders/<str:order>",
        OrderViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="order-detail",
    ),
    path(
        "orders/<uuid:order_id>/events",
        OrderEventViewSet.as_view({"get": "list"}),
        name="order-events",
    ),
    path(
        "orders/<uuid:order_id>/cancel",
        OrderStepViewSet.as_view({"post": "cancel"}),
        name="order-cancel",
    ),
    path(
        "orders/<uuid:order_id>/process",
        OrderStepViewSet.as_view({"post": "process"}),
        name="order-process",
    ),
    path(
        "orders/<uuid:order_id>/complete",
        OrderStepViewSet.as_view({"post": "complete"}),
        name="order-complete",
    ),
    path(
        "orders/<uuid:order_id>/fulfilments",
        FulfilmentViewSet.as_view({"get": "list", "post": "create"}),
        name="fulfilment-list",
    ),
    path(
        "orders/<uuid:order_id>/fulfilments/<uuid:fulfilment_id>",
        FulfilmentViewSet.as_view({"get": "retrieve"}),
        name="fulfilment-detail",
    ),
    path(
        "orders/<uuid:order_id>/fulfilments/<uuid:fulfilment_id>/deliver",
        FulfilmentViewSet.as_view({"post": "deliver"}),
        name="fulfilment-deliver",
    ),
    path(
        "orders/<uuid:order_id>/payments",
        PaymentViewSet.as_view({"get": "list", "post": "create"}),
        name="payment-list",
    ),
    path(
        "orders/<uuid:order_id>/payments/<uuid:payment_id>",
        PaymentViewSet.as_view({"get": "retrieve"}),
        name="payment-detail",
    ),
    path(
        "orders/<uuid:order_id>/payments/<uuid:payment_id>/confirm",
        PaymentViewSet.as_view({"post": "confirm"}),
        name="payment-confirm",
    ),
    path(
        "orders/<uuid:order_id>/payments/<uuid:payment_id>/capture",
        PaymentViewSet.as_view({"post": "capture"}),
        name="payment-capture",
    ),
    path(
        "orders/<uuid:order_id>/payments/<uuid:payment_id>/cancel",
        PaymentViewSet.as_view({"post": "cancel"}),
        name="payment-cancel",
    ),
    path(
        "orders/<uuid:order_id>/refunds",
        RefundViewSet.as_view({"get": "list", "post": "create"}),
        name="refund-list",
    ),
    path(
        "orders/<uuid:order_id>/refunds/<uuid:refund_id>",
        RefundViewSet.as_view({"get": "retrieve"}),
        name="refund-detail",
    ),
    path(
        "payment-providers/<str:provider>/callback",
        ProviderCallbackView.as_view(),
        name="provider-callback",
    ),
]
