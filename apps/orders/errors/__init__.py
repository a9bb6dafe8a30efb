"""What can go wrong, by name; below everything, so that anyone may catch it."""

from __future__ import annotations

from apps.orders.errors.calculating import (
    CalculatorError,
    MixedCurrenciesError,
    ShippingNotPossibleError,
)
from apps.orders.errors.carts import (
    CartEmptyError,
    CartFullError,
    CartItemNotFoundError,
    CartNotFoundError,
)
from apps.orders.errors.coupons import (
    CouponCodeTakenError,
    CouponNotFoundError,
    CouponNotUsableError,
    CouponUsedError,
    InvalidCouponError,
)
from apps.orders.errors.fulfilments import (
    AlreadyDeliveredError,
    FulfilmentNotFoundError,
    InvalidFulfilmentError,
    NotFulfilledError,
    NotPaidError,
    TooManyPiecesError,
)
from apps.orders.errors.machine import CancelReasonError, InvalidTransitionError
from apps.orders.errors.orders import (
    CurrenciesDifferError,
    DuplicateItemError,
    NotAvailableError,
    OrderClosedError,
    OrderNotFoundError,
    PriceChangedError,
    TotalTooLargeError,
    VariantAmbiguousError,
)
from apps.orders.errors.payments import (
    BadSignatureError,
    CaptureExceedsAmountError,
    InvalidPaymentError,
    InvalidRefundError,
    NoPaymentProviderError,
    NotPayableError,
    PaymentInProgressError,
    PaymentNotFoundError,
    PaymentOpenError,
    PaymentStateError,
    ProviderNotFoundError,
    RefundExceedsCapturedError,
    RefundExceedsLinesError,
    RefundNotFoundError,
)

__all__ = [
    "AlreadyDeliveredError",
    "BadSignatureError",
    "CalculatorError",
    "CancelReasonError",
    "CaptureExceedsAmountError",
    "CartEmptyError",
    "CartFullError",
    "CartItemNotFoundError",
    "CartNotFoundError",
    "CouponCodeTakenError",
    "CouponNotFoundError",
    "CouponNotUsableError",
    "CouponUsedError",
    "CurrenciesDifferError",
    "DuplicateItemError",
    "FulfilmentNotFoundError",
    "InvalidCouponError",
    "InvalidFulfilmentError",
    "InvalidPaymentError",
    "InvalidRefundError",
    "InvalidTransitionError",
    "MixedCurrenciesError",
    "NoPaymentProviderError",
    "NotAvailableError",
    "NotFulfilledError",
    "NotPaidError",
    "NotPayableError",
    "OrderClosedError",
    "OrderNotFoundError",
    "PaymentInProgressError",
    "PaymentNotFoundError",
    "PaymentOpenError",
    "PaymentStateError",
    "PriceChangedError",
    "ProviderNotFoundError",
    "RefundExceedsCapturedError",
    "RefundExceedsLinesError",
    "RefundNotFoundError",
    "ShippingNotPossibleError",
    "TooManyPiecesError",
    "TotalTooLargeError",
    "VariantAmbiguousError",
]
