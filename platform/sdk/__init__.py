"""Makes what developers call the API with, from its own schema; knows no Django. See ADR 10."""

from __future__ import annotations
