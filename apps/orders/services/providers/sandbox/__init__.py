"""The sandbox: a provider that takes no real money, and does what its test methods say."""

from __future__ import annotations

from apps.orders.services.providers.sandbox.provider import SandboxProvider

__all__ = ["SandboxProvider"]
