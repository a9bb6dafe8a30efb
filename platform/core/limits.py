"""Every cap of the API kernel, named, with its unit. Serving gets its own as arguments."""

from __future__ import annotations

JSON_MAX_DEPTH = 32  # nested arrays and objects of one body
JSON_MAX_BODY = 1024 * 1024  # bytes of a JSON body, unless its route says otherwise
MULTIPART_OVERHEAD = 64 * 1024  # bytes allowed beside the file itself in a multipart body
INTEGER_MAX_DIGITS = 400  # digits of one JSON number; longer is refused before it is parsed
QUERY_STRING_MAX = 4_096  # characters
TEXT_MAX = 10_000  # characters of a free text field without a limit of its own
PASSWORD_MAX = 128  # characters; hashing a megabyte is a denial of service

PAGE_DEFAULT = 20  # rows
PAGE_MAX = 100  # rows; larger is coerced down
SEARCH_MAX = 200  # characters
IN_FILTER_MAX = 100  # values of an __in filter

IDEMPOTENCY_KEY_MAX = 255  # characters
IDEMPOTENCY_KEEP_HOURS = 72  # kept; 24 are promised
IDEMPOTENCY_RETRY_AFTER = 1  # seconds
IDEMPOTENCY_FINISH_SECONDS = 60  # for the work behind a commit; then the first answer stands

OUTBOX_BATCH = 100  # rows a relay claims at once
OUTBOX_GROUP = 50  # events handed on in one transaction
OUTBOX_POLL_SECONDS = 0.2  # between two looks at an empty outbox
OUTBOX_BACKOFF_MAX = 60  # seconds between two tries of a row that cannot be published
OUTBOX_KEEP_DAYS = 30  # days published rows are kept, to see what has left
EVENT_DATA_MAX = 16 * 1024  # bytes of an event's data as JSON in UTF-8; a webhook has 20 kB in all

HEALTH_BUDGET_SECONDS = 1.0  # one readiness check may take
TOKEN_CACHE_SIZE = 10_000  # verified tokens kept in one process
CREDENTIAL_CACHE_SECONDS = 300  # a key's or token's row is read again at the latest
FIELD_ERRORS_MAX = 50  # field errors listed in one problem
