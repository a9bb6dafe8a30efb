"""Why a kit could not be built."""

from __future__ import annotations


class BuildError(Exception):
    """One clear line, with the tool's own words where there are any."""
