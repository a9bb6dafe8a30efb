"""Payment providers: what one is, which there are, and the sandbox that comes with the platform."""

from __future__ import annotations
