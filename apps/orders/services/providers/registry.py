"""Which payment providers there are: settings.PAYMENT_PROVIDERS, by the name in addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string

from apps.orders.errors.payments import (
    InvalidPaymentError,
    NoPaymentProviderError,
    ProviderNotFoundError,
)
from core.errors import FieldError

if TYPE_CHECKING:
    from apps.orders.services.providers.protocol import Provider


def provider_named(name: str) -> Provider:
    """Raises ProviderNotFoundError."""
    path = settings.PAYMENT_PROVIDERS.get(name)
    if path is None:
        raise ProviderNotFoundError(f"There is no payment provider {name[:32]!r}.")
    made: Provider = import_string(path)()
    return made


def provider_wanted(name: str) -> str:
    """The name of the provider of a new payment: as asked for, or else the usual one.

    Raises:
        NoPaymentProviderError: there is none at all.
        InvalidPaymentError: there is none of that name.
    """
    known = settings.PAYMENT_PROVIDERS
    if not known:
        raise NoPaymentProviderError
    wanted = name or settings.PAYMENT_PROVIDER
    if wanted not in known:
        fault = FieldError("invalid_choice", f"One of {', '.join(known)}.", pointer="#/provider")
        raise InvalidPaymentError(f"There is no provider {wanted[:32]!r}.", errors=(fault,))
    return str(wanted)
