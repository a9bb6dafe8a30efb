"""Runs of the reconciliation of orders."""

from __future__ import annotations

from django.contrib import admin

from apps.orders.models import OrderCheck
from core.admin.reconciliation import ReconciliationAdmin


@admin.register(OrderCheck)
class OrderCheckAdmin(ReconciliationAdmin[OrderCheck]):
    audit_object_type = "order_check"
    in_order = "Orders, payments, stock and coupons agree."
