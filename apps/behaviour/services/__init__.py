"""Recording and dropping what people were seen doing."""

from __future__ import annotations
