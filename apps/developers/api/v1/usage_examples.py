"""What the schema shows of the request log and of usage."""

from __future__ import annotations

from apps.developers.api.v1.examples import APPLICATION_ID, KEY_ID, answered

REQUEST = {
    "request_id": "req_0198f2c71d0e7a7000a0000123456789",
    "at": "2026-03-02T08:30:00.123456Z",
    "method": "POST",
    "route": "/api/v1/models/{name}/predict",
    "status": 400,
    "error_code": "validation_failed",
    "latency_ms": 1.374,
    "request_bytes": 612,
    "response_bytes": 431,
    "work": "predict",
    "units": 1,
    "credential": "api_key",
    "credential_id": KEY_ID,
    "application_id": APPLICATION_ID,
    "user_id": "0198f2c4-6000-7a3b-9c55-2f6d1b0e8a47",
}
SUMS = {
    "calls": 184_220,
    "client_errors": 310,
    "server_errors": 2,
    "error_rate": 0.0017,
    "units": 201_500,
    "p50_ms": 1.285,
    "p95_ms": 2.505,
    "p99_ms": 5.368,
}
USAGE = {
    "first_day": "2026-03-01",
    "last_day": "2026-03-02",
    "by": ["day", "application"],
    "results": [{"day": "2026-03-01", "application_id": APPLICATION_ID, **SUMS}],
    "totals": SUMS,
    "quota": [{"work": "predict", "daily": 1_000_000, "spent": 201_500, "remaining": 798_500}],
}

LIST_REQUESTS = [answered(REQUEST)]
SHOW_REQUEST = [answered(REQUEST)]
SHOW_USAGE = [answered(USAGE)]
