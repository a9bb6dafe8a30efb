"""The loop that delivers: claims, sends many at once, writes down; for a process of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection
from django.utils import timezone

from apps.webhooks.services import claiming, finishing
from apps.webhooks.services.backlog import read_backlog
from apps.webhooks.services.claiming import LANES, lane_of
from apps.webhooks.services.delivering import attempt, caps_from_settings
from apps.webhooks.services.lanes import Lanes
from core.observability.metrics import counter, gauge, histogram
from core.outbound.resolver import Lookups

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event as Flag
    from uuid import UUID

    from apps.webhooks.models import Delivery
    from apps.webhooks.services.finishing import Tried

Answer = TypeVar("Answer")

POLL_SECONDS: Final = 0.2  # between two looks when nothing is due
AGAIN_SECONDS: Final = 0.02  # when something was due and nothing could be had of it
RECONNECT_SECONDS: Final = 0.5  # between two tries to reach a database that is away
REST_SECONDS: Final = 2.0  # between two looks at which applications may not be called
REPORT_SECONDS: Final = 15.0  # between two reports of the backlog, to the log and to the metrics
WRITTEN_AT_ONCE: Final = 100  # tries of one transaction
UNWRITTEN_MAX: Final = 10 * WRITTEN_AT_ONCE  # tries; with more nothing is claimed, or leases end
# Threads for names, made as they are needed; a lane's own, since a name server may hang too. Twice
# the places of a lane: a lookup hangs for longer than its delivery keeps a place.
LOOKUPS_OF_A_LANE: Final = 128
CLOSE_SECONDS: Final = 1.0  # for a connection to the database to be closed
STOP_SECONDS: Final = 11.0  # a try ends after WEBHOOK_TOTAL_SECONDS in any case; and its writing

DELIVERIES = counter("agora_webhook_tries", "Tries by what came of the delivery.", ("outcome",))
SECONDS = histogram("agora_webhook_seconds", "Time of a try.")
WAITING = gauge("agora_webhook_waiting", "Deliveries that are pending.", mode="mostrecent")
OLDEST = gauge("agora_webhook_oldest_seconds", "Age of the oldest that is due.", mode="mostrecent")
UNDER_WAY = gauge("agora_webhook_under_way", "Tries under way.", ("lane",))

logger = logging.getLogger(__name__)


class Courier:
    """Delivers until it is told to stop. Several processes may each run one on one database.

    One event loop does the calls, hundreds at once; two threads with a connection each claim and
    write down. A courier that dies loses nothing: its leases run out, and others send again.
    """

    def __init__(self) -> None:
        self._lanes = Lanes()
        self._caps = caps_from_settings()
        self._lookups = {lane: Lookups(LOOKUPS_OF_A_LANE) for lane in LANES}
        self._claims = ThreadPoolExecutor(1, thread_name_prefix="claims")
        self._records = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._under_way: set[asyncio.Task[None]] = set()
        self._resting: set[UUID] = set()
        self._rest_at = 0.0  # monotonic seconds
        self._report_at = 0.0  # monotonic seconds
        self._database_away = False
        self._unwritten = 0  # tries that have ended and are not stored

    def run_forever(self, stop: Flag) -> None:
        """Until `stop` is set; then what is under way may end. Survives a lost database."""
        asyncio.run(self._run(stop.is_set, once=False))

    def run_until_idle(self) -> None:
        """Until nothing is due and nothing under way: for tests, and by hand."""
        asyncio.run(self._run(lambda: False, once=True))

    async def _run(self, stopped: Callable[[], bool], *, once: bool) -> None:
        self._more = asyncio.Event()
        self._ended: asyncio.Queue[Tried | None] = asyncio.Queue()
        recorder = asyncio.create_task(self._record_forever())
        try:
            while not stopped():
                is_busy = bool(self._under_way) or self._unwritten > 0
                pause = await self._turn()
                if once and pause == POLL_SECONDS and not is_busy:
                    break
                await self._wait(pause)
            await self._end(recorder)
        finally:
            await self._close()

    async def _wait(self, seconds: float) -> None:
        """So long, or until something has ended, which may have made room or be followed."""
        try:
            async with asyncio.timeout(seconds):
                await self._more.wait()
        except TimeoutError:
            return
        self._more.clear()

    async def _turn(self) -> float:
        """One look at what is due; the seconds to wait before the next."""
        try:
            await self._look_around()
            pause = await self._claim()
        except (OperationalError, InterfaceError) as error:
            self._lose_database(error)
            return RECONNECT_SECONDS
        self._database_away = False
        return pause

    async def _claim(self) -> float:
        """Start what is due and has room; the seconds to wait before the next look."""
        free = self._lanes.free()
        if not any(free.values()) or self._unwritten >= UNWRITTEN_MAX:
            return POLL_SECONDS
        lease_until = time.monotonic() + settings.WEBHOOK_LEASE_SECONDS
        claim = await self._in(
            self._claims,
            lambda: claiming.claim_deliveries(
                free=free, resting=self._resting, passed_over=self._lanes.slow_endpoints()
            ),
        )
        for delivery in claim.deliveries:
            task = asyncio.create_task(self._deliver(delivery, lane_of(delivery), lease_until))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        if claim.deliveries:
            return 0.0
        return AGAIN_SECONDS if claim.looked else POLL_SECONDS

    async def _deliver(self, delivery: Delivery, lane: str, lease_until: float) -> None:
        """Send it, unless this process, or the database, stood still until its lease was over.

        Others may have sent it since, and what comes after it. `lease_until`: monotonic seconds.
        """
        if time.monotonic() >= lease_until:
            logger.warning("Delivery %s came after the end of its lease.", delivery.pk)
            return
        place = [lane]

        def outlast() -> None:
            place[0] = self._lanes.grow_slow(lane, delivery.endpoint_id)
            self._more.set()

        self._lanes.enter(lane)
        timer = asyncio.get_running_loop().call_later(settings.WEBHOOK_QUICK_SECONDS, outlast)
        try:
            tried = await attempt(
                delivery, caps=self._caps, lookups=self._lookups[lane], now=timezone.now()
            )
            SECONDS.observe(tried.exchange.seconds)
            self._unwritten += 1
            await self._ended.put(tried)
        except Exception:
            # Ours to mend: its lease runs out and it is tried again; no mark against anybody.
            logger.exception("Delivery %s could not be sent.", delivery.pk)
        finally:
            timer.cancel()
            self._lanes.leave(place[0], delivery.endpoint_id)

    async def _record_forever(self) -> None:
        """Write down what has ended, all that there is at once; None says that nothing follows."""
        ended = False
        while not ended:
            tries = [await self._ended.get()]
            while len(tries) < WRITTEN_AT_ONCE and not self._ended.empty():
                tries.append(self._ended.get_nowait())
            ended = None in tries
            await self._record([tried for tried in tries if tried is not None])
            self._unwritten -= len(tries) - ended
            self._more.set()

    async def _record(self, tries: list[Tried]) -> None:
        """Until it is written; by then its lease may be lost, and that is seen."""
        while tries:
            try:
                states = await self._in(self._records, lambda: finishing.finish(tries))
            except (OperationalError, InterfaceError) as error:
                self._lose_database(error)
                await asyncio.sleep(RECONNECT_SECONDS)
            except Exception:
                logger.exception("%s tries could not be written down.", len(tries))
                await self._record_singly(tries)
                return
            else:
                for state in states.values():
                    DELIVERIES.labels(state).inc()
                return

    async def _record_singly(self, tries: list[Tried]) -> None:
        """One of several must not take the others with it; alone it is left to its lease."""
        if len(tries) > 1:
            for tried in tries:
                await self._record([tried])

    async def _look_around(self) -> None:
        now = time.monotonic()
        if now >= self._rest_at:
            self._resting = await self._in(self._claims, claiming.resting_applications)
            self._rest_at = now + REST_SECONDS
        if now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            await self._report()

    async def _report(self) -> None:
        backlog = await self._in(self._claims, lambda: read_backlog(resting=self._resting))
        WAITING.set(backlog.waiting)
        OLDEST.set(backlog.oldest_seconds)
        under_way = self._lanes.used()
        for lane, count in under_way.items():
            UNDER_WAY.labels(lane).set(count)
        fields = {
            "waiting": backlog.waiting,
            "oldest_seconds": round(backlog.oldest_seconds, 3),
            "under_way": under_way,
        }
        logger.info("The webhooks' backlog.", extra={"fields": fields})

    async def _end(self, recorder: asyncio.Task[None]) -> None:
        """Let what is under way end, and write it down; what is not, is sent again by its lease."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                while self._under_way:
                    await asyncio.wait(self._under_way)
                await self._ended.put(None)
                await recorder
        except TimeoutError:
            logger.warning("%s deliveries are left to their leases.", len(self._under_way))

    async def _close(self) -> None:
        for lookups in self._lookups.values():
            lookups.close()
        for pool in (self._claims, self._records):
            closing = asyncio.get_running_loop().run_in_executor(pool, _close_connection)
            await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
            pool.shutdown(wait=False)

    async def _in(self, pool: ThreadPoolExecutor, call: Callable[[], Answer]) -> Answer:
        """Run a call that asks the database in a thread with a connection of its own."""
        return await asyncio.get_running_loop().run_in_executor(pool, _with_connection, call)

    def _lose_database(self, error: Error) -> None:
        if not self._database_away:
            logger.warning("The database is away: %s", " ".join(str(error).split()))
        self._database_away = True


def _close_connection() -> None:
    connection.close()  # looked up here: each thread has its own


def _with_connection(call: Callable[[], Answer]) -> Answer:
    try:
        return call()
    except (OperationalError, InterfaceError):
        connection.close()  # the next call opens another
        raise
