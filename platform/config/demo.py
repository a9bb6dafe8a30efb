"""The accounts of the demo world. Their passwords are known to everybody who can read this."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoAccount:
    username: str
    password: str
    is_staff: bool  # and superuser


DEMO_ACCOUNTS = (
    DemoAccount("admin", "admin", is_staff=True),
    DemoAccount("demo", "demo", is_staff=False),
)
