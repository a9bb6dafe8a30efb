"""Events for others: how long they are kept, and how deliveries are tried."""

from __future__ import annotations

from config.settings.env import env_int, env_list

EVENT_LOG_DAYS = 30  # days that GET /events reaches back
WEBHOOK_LOG_DAYS = 30  # days that a finished delivery is kept, and its attempts
WEBHOOK_ENDPOINTS_MAX = 20  # of one application, deleted ones aside
WEBHOOK_SECRET_OVERLAP_SECONDS = 24 * 3600  # both secrets sign for so long after a rotation

# Seconds after the failure of try 1, 2 and so on: the schedule of Standard Webhooks, 75.6 hours in
# all. Each is drawn between 0.8 and 1.2 of itself.
_RETRY_SECONDS = ("5", "300", "1800", "7200", "18000", "36000", "50400", "72000", "86400")
WEBHOOK_RETRY_SECONDS = tuple(map(int, env_list("WEBHOOK_RETRY_SECONDS", _RETRY_SECONDS)))
WEBHOOK_RETRY_AFTER_MAX = 24 * 3600  # seconds; a receiver that asks for a longer pause has this one
WEBHOOK_DISABLE_AFTER_SECONDS = 3 * 24 * 3600  # failing for so long without one success
# Longer than between any two tries of one delivery: failures further apart are two matters.
WEBHOOK_FORGET_SECONDS = 2 * 24 * 3600
WEBHOOK_CONNECT_SECONDS = 5.0  # name, TCP and TLS together
WEBHOOK_TOTAL_SECONDS = 10.0  # from the name to the last byte that is read
# Above the total; then another process may take the delivery.
WEBHOOK_LEASE_SECONDS = env_int("WEBHOOK_LEASE_SECONDS", 30, minimum=2)
WEBHOOK_RESPONSE_BYTES = 64 * 1024  # read at most; the rest is cut off
WEBHOOK_RESPONSE_KEPT = 4 * 1024  # bytes of it in the log
WEBHOOK_PORTS = (443, 8443)  # others only under ALLOW_LOOPBACK_TARGETS, and only to loopback
WEBHOOK_PER_ENDPOINT = 4  # at once to a trusted endpoint, over all processes; to others 1
# Deliveries at once of one process, by what is known of their endpoints.
WEBHOOK_TRUSTED_AT_ONCE = 64  # their last answer was good and quick
WEBHOOK_TRIAL_AT_ONCE = 64  # new ones, and those that answer well but slowly
WEBHOOK_FAILING_AT_ONCE = 64  # their last try failed
WEBHOOK_SLOW_AT_ONCE = 256  # under way for longer than a quick answer takes: counted apart
WEBHOOK_QUICK_SECONDS = 1.0  # an answer that takes longer is slow
WEBHOOK_PAUSE_SECONDS = 2.0  # a failing endpoint rests for so long, doubled at each failure
WEBHOOK_PAUSE_MAX_SECONDS = 300.0  # and at most so long
# A delivery held back, while its endpoint is off, for longer than its tries would take is dropped.
WEBHOOK_HOLD_SECONDS = 4 * 24 * 3600
# Addresses of a name, by dotted path: takes a host, raises OSError when it has none.
WEBHOOK_RESOLVER = "core.outbound.resolver.system_addresses"
