"""Banks that answer late, in part, or untruly: named in PAYMENT_PROVIDERS by tests."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from apps.orders.services.providers.protocol import Outcome, ProviderTimeoutError, Said
from apps.orders.services.providers.sandbox import SandboxProvider

if TYPE_CHECKING:
    from collections.abc import Callable


class Overtaken(SandboxProvider):
    """Does what it is told; before it answers, `meanwhile` happens, once."""

    meanwhile: ClassVar[list[Callable[[], Any]]] = []

    def pay(self, charge):
        return self._late(super().pay(charge))

    def capture(self, **asked):
        return self._late(super().capture(**asked))

    def _late(self, outcome):
        while self.meanwhile:
            self.meanwhile.pop()()
        return outcome


class Away(SandboxProvider):
    """Neither hears nor answers while it `is_away`; counts what it was told since."""

    is_away: ClassVar[bool] = True
    told: ClassVar[list[str]] = []

    def pay(self, charge):
        return self._there("pay", lambda: super(Away, self).pay(charge))

    def capture(self, **asked):
        return self._there("capture", lambda: super(Away, self).capture(**asked))

    def cancel(self, **asked):
        return self._there("cancel", lambda: super(Away, self).cancel(**asked))

    def find(self, key):
        return self._there("find", lambda: super(Away, self).find(key))

    def _there(self, what, do):
        if type(self).is_away:
            raise ProviderTimeoutError("Nobody answers.")
        self.told.append(what)
        return do()


class Partial(SandboxProvider):
    """Takes 5.00 of the first charge, whatever was asked."""

    def pay(self, charge):
        outcome = super().pay(charge)
        return self.of(outcome) if charge.method == "sandbox_success" else outcome

    def of(self, outcome):
        return Outcome(Said.SUCCEEDED, outcome.reference, captured=Decimal("5.00"))


class Untrue(SandboxProvider):
    """Says of each charge that it took `captured`."""

    captured: ClassVar[Decimal] = Decimal(0)

    def pay(self, charge):
        outcome = super().pay(charge)
        return Outcome(Said.SUCCEEDED, outcome.reference, captured=type(self).captured)


class Clinging(SandboxProvider):
    """Lets nothing go, `refusals` times."""

    refusals: ClassVar[int] = 1

    def cancel(self, *, reference, key):
        if type(self).refusals:
            type(self).refusals -= 1
            return Outcome(Said.FAILED, reference, code="not_now")
        return super().cancel(reference=reference, key=key)
