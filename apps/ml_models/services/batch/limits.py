"""Limits of batch predictions that no installation needs to change, with their units."""

from __future__ import annotations

RECORD_MAX_BYTES = 1024**2  # of one row of a file; a longer one is an unclosed quote
CHUNK_MAX_BYTES = 4 * 1024**2  # of the input in one chunk, whatever its rows
COLUMNS_MAX = 4_096  # of a CSV header; as many features as a signature may have
JSON_MAX_DEPTH = 32  # of one row, as in any body
ENGINE_ROWS = 512  # rows of one engine call; between two calls the lease is renewed
ROW_ERRORS_MAX = 5  # faults told of one row
UNFINISHED_MAX = 100  # batch predictions of one user that may be waiting or running
OFFER_SECONDS = 10  # a job without a running chunk is offered again after this
ORPHAN_SECONDS = 3_600  # files without a row are an orphan's after this; a submission takes a few
ORPHANS_AT_ONCE = 1_000  # batch predictions whose files one sweep deletes
OFFERS_MAX = 32  # hints sent for one job at once
EXPIRED_AT_ONCE = 50  # jobs whose files one run of the reaper deletes
"""Each a directory of at most a few hundred files."""
