"""Questions about what people were seen doing; nothing here changes a row."""

from __future__ import annotations
