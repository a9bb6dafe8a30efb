"""What an import may be, and how it is worked off. docs/subsystems/product-imports.md says why."""

from __future__ import annotations

from typing import Final

FILE_MAX: Final = 20 * 1024 * 1024  # bytes
ROWS_MAX: Final = 50_000  # without the header
COLUMNS_MAX: Final = 1_000
CELL_MAX: Final = 131_072  # characters
OPEN_MAX: Final = 5  # imports that have not ended, of everybody
OPEN_RETRY_AFTER: Final = 60  # seconds

CHUNK_ROWS: Final = 50  # committed together
CHUNK_SECONDS: Final = 1.0  # a chunk is committed by then: others wait for its products' locks
TASK_SECONDS: Final = 40.0  # of one task; the rest is another's, below Celery's soft limit of 60
LEASE_SECONDS: Final = 120  # above Celery's hard limit of 90: whoever holds it is alive, or dead
OFFER_SECONDS: Final = 30  # between two offers of an import that nobody has
ATTEMPTS_MAX: Final = 5  # leases without a commit, locks of others aside; then it is given up

FAULTS_MAX: Final = 20  # of one row that are kept
KEEP_DAYS: Final = 90  # reports of imports that have ended
ORPHAN_HOURS: Final = 24  # files without an open import are older than that when they are deleted
PURGED_AT_ONCE: Final = 20  # imports of one run of the purge; each has up to 50,000 rows
