"""What migrations can do beside Django's own operations."""

from __future__ import annotations

from core.db.operations.append_only import MakeAppendOnly
from core.db.operations.partitioned import CreatePartitionedByDay, InstallPartitionFunctions

__all__ = ["CreatePartitionedByDay", "InstallPartitionFunctions", "MakeAppendOnly"]
