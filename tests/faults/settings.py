"""A platform's own settings, with a schedule of deliveries that fits into a test.

The order of the figures is kept: a lease outlasts a try, a pause is shorter than a lease.
"""

from __future__ import annotations

from config.settings.local import *  # noqa: F403 - all of it but what follows

ALLOW_LOOPBACK_TARGETS = True
WEBHOOK_CONNECT_SECONDS = 2.0
WEBHOOK_TOTAL_SECONDS = 3.0
WEBHOOK_LEASE_SECONDS = 6
# A minute and more of tries, as often as faults may end.
WEBHOOK_RETRY_SECONDS = (1, 1, 2, 2, 4, 4, *[5] * 30)
WEBHOOK_PAUSE_SECONDS = 0.5
WEBHOOK_PAUSE_MAX_SECONDS = 4.0
