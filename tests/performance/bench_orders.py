"""`make bench-orders`: orders a second of one hot variant, beside what could be done instead.

Thirty-two clients in eight processes want the same variant; PostgreSQL waits for the disc at each
commit, as in production. The ways take turns, another first in each round:

- `update`: nothing but the conditional UPDATE and its COMMIT, through psycopg2: what the hot row
  allows at most;
- `reserve`: the stock's part of an order and its COMMIT;
- `order`: services.placing.place_order, whole;
- `apart`: the same, but each client wants a variant of its own: what an order costs where nobody
  waits for anybody;
- `naive`: read, compare, write, without any guard, in a table of its own;
- `lock`: SELECT FOR UPDATE, a payment of 20 ms, UPDATE, COMMIT.

See docs/subsystems/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from results import aligned  # noqa: E402 - after the path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Buy = Callable[[], None]

PROCESSES: Final = 8
THREADS: Final = 4  # of each process, as a web worker has
SECONDS: Final = 3.0  # of a slice
PAYMENT: Final = 0.020  # seconds
PLENTY: Final = 100_000_000  # pieces: no slice empties the row
USERS: Final = 32
WAYS: Final = ("update", "reserve", "order", "apart", "naive", "lock")
UPDATE: Final = """
UPDATE products_stock SET reserved = reserved + 1
WHERE id = %s AND (backorder OR on_hand - reserved - safety >= 1)
"""
SETTINGS: Final = {"DJANGO_SETTINGS_MODULE": "config.settings.local", "LOG_LEVEL": "ERROR"}


@dataclass(frozen=True, slots=True)
class Slice:
    """One way in one round.

    Attributes:
        sold: by all clients together.
        unaccounted: sold pieces that the row's number knows nothing of.
        failed: by the name of what was raised.
    """

    way: str
    round: int
    sold: int
    rate: float
    p50_ms: float
    p99_ms: float
    unaccounted: int
    failed: dict[str, int]


# -- A client, in a process of its own kind


def work() -> None:
    """Read {"way", "seconds"} from the standard input, line by line; answer each with figures."""
    import django

    django.setup()
    hot = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        wanted = json.loads(line)
        sys.stdout.write(json.dumps(slice_of(wanted["way"], wanted["seconds"], hot)) + "\n")
        sys.stdout.flush()


def slice_of(way: str, seconds: float, hot: dict[str, Any]) -> dict[str, Any]:
    taken: list[float] = []
    failed: Counter[str] = Counter()
    ready = threading.Barrier(THREADS)

    def run(number: int) -> None:
        with buyer(way, hot, number) as buy:
            buy()  # the connection is there, and what Django makes once is made
            ready.wait()
            until = time.monotonic() + seconds
            while (begun := time.monotonic()) < until:
                try:
                    buy()
                except Exception as error:  # noqa: BLE001 - it is counted
                    failed[type(error).__name__] += 1
                else:
                    taken.append(time.monotonic() - begun)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"taken": taken, "failed": failed}


@contextmanager
def buyer(way: str, hot: dict[str, Any], number: int) -> Iterator[Buy]:
    """What one thread does again and again, over one connection."""
    from django.db import connection

    if way in {"reserve", "order", "apart"}:
        variant = hot["others"][hot["client"] * THREADS + number] if way == "apart" else None
        try:
            yield reserving(hot) if way == "reserve" else ordering(hot, number, variant)
        finally:
            connection.close()
        return
    import psycopg2

    given = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    bare = psycopg2.connect(**{name: given[name] for name in names if name in given})
    try:
        yield {"update": updating, "naive": guessing, "lock": locking}[way](bare, hot)
    finally:
        bare.close()


def updating(bare: Any, hot: dict[str, Any]) -> Buy:
    cursor = bare.cursor()

    def buy() -> None:
        cursor.execute(UPDATE, [hot["stock_id"]])
        bare.commit()

    return buy


def guessing(bare: Any, hot: dict[str, Any]) -> Buy:
    cursor = bare.cursor()

    def buy() -> None:
        cursor.execute("SELECT pieces FROM bench_naive")
        [pieces] = cursor.fetchone()
        if pieces >= 1:
            cursor.execute("UPDATE bench_naive SET pieces = %s", [pieces - 1])
        bare.commit()

    return buy


def locking(bare: Any, hot: dict[str, Any]) -> Buy:
    cursor = bare.cursor()

    def buy() -> None:
        cursor.execute("SELECT pieces FROM bench_naive FOR UPDATE")
        time.sleep(PAYMENT)
        cursor.execute("UPDATE bench_naive SET pieces = pieces - 1")
        bare.commit()

    return buy


def reserving(hot: dict[str, Any]) -> Buy:
    from uuid import UUID

    from django.db import transaction
    from django.utils import timezone

    from apps.products.services.stock import Reference, StockLine, reserve
    from core.ids import uuid7

    lines = [StockLine(UUID(hot["variant_id"]), 1)]

    @transaction.atomic
    def buy() -> None:
        until = timezone.now() + timedelta(minutes=15)
        reserve(lines=lines, reference=Reference("order", uuid7()), expires_at=until, actor=None)

    return buy


def ordering(hot: dict[str, Any], number: int, variant: str | None) -> Buy:
    from uuid import UUID

    from django.utils import timezone

    from apps.accounts.models import User
    from apps.orders.services.placing import OrderWanted, WantedItem, place_order
    from tests.factories.developers import login_of

    actor = login_of(User.objects.get(username=f"buyer-{(os.getpid() + number) % USERS}"))
    item = WantedItem(quantity=1, variant_id=UUID(variant or hot["variant_id"]))
    wanted = OrderWanted(items=(item,))

    def buy() -> None:
        place_order(wanted=wanted, actor=actor, now=timezone.now())

    return buy


# -- The one that measures


@contextmanager
def services(folder: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL that waits for the disc, and Redis; the variables that lead to them."""
    from embedded.paths import source_roots
    from embedded.postgres import Postgres
    from embedded.redis import Redis
    from embedded.state import StateDirectory

    state = StateDirectory(folder / "state")
    state.open()
    postgres, redis = Postgres(state, owner_creates_databases=True), Redis(state, durable=False)
    with ExitStack() as stack:
        for service in (postgres, redis):
            service.start()
            stack.callback(service.child.stop, grace=5.0)
        yield {
            **SETTINGS,
            "STATE_DIR": str(state.root),
            "DATABASE_URL": postgres.owner_url(),
            "DATABASE_OWNER_URL": postgres.owner_url(),
            "DATABASE_APP_URL": postgres.app_url(),
            "REDIS_URL": redis.url(),
            **state.secret_files(os.environ),
            **source_roots(os.environ),
        }


def prepare() -> dict[str, Any]:
    """A schema, buyers, a hot variant, one for each client, and a table for who has no guard."""
    from django.core.management import call_command
    from django.db import connection

    from apps.accounts.models import User
    from tests.factories.products import make_product

    call_command("migrate", verbosity=0)
    for number in range(USERS):
        User.objects.create_user(username=f"buyer-{number}")
    row = make_product("Hot", sku="HOT", stock=PLENTY).only.only_stock
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_naive (pieces integer NOT NULL)")
        cursor.execute("INSERT INTO bench_naive VALUES (%s)", [PLENTY])
    others = [make_product(stock=PLENTY).only for _ in range(PROCESSES * THREADS)]
    return {
        "stock_id": str(row.pk),
        "variant_id": str(row.variant_id),
        "others": [str(variant.pk) for variant in others],
    }


def left(way: str) -> int:
    """Pieces that may still be sold, as the rows of that way say."""
    from django.db import connection

    with connection.cursor() as cursor:
        if way in {"naive", "lock"}:
            cursor.execute("SELECT pieces FROM bench_naive")
        else:
            cursor.execute("SELECT sum(on_hand::bigint - reserved) FROM products_stock")
        return int(cursor.fetchone()[0])


class Clients:
    """The processes of the clients."""

    def __init__(self, environment: dict[str, str], hot: dict[str, Any]) -> None:
        self._processes = [
            subprocess.Popen(
                [sys.executable, __file__, "--client"],
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]
        for number, process in enumerate(self._processes):
            self._tell(process, {**hot, "client": number})

    def run(self, way: str, number: int, seconds: float) -> Slice:
        before = left(way)
        for process in self._processes:
            self._tell(process, {"way": way, "seconds": seconds})
        answers = [json.loads(process.stdout.readline()) for process in self._processes]  # type: ignore[union-attr] # it is a pipe
        taken = sorted(each for answer in answers for each in answer["taken"])
        failed: Counter[str] = sum((Counter(answer["failed"]) for answer in answers), Counter())
        warming = PROCESSES * THREADS  # each client's first one is not timed
        return Slice(
            way=way,
            round=number,
            sold=len(taken),
            rate=len(taken) / seconds,
            p50_ms=taken[len(taken) // 2] * 1e3,
            p99_ms=taken[len(taken) * 99 // 100] * 1e3,
            unaccounted=len(taken) + warming - (before - left(way)),
            failed=dict(failed),
        )

    def close(self) -> None:
        for process in self._processes:
            process.stdin.close()  # type: ignore[union-attr] # it is a pipe
        for process in self._processes:
            process.wait(timeout=20)

    @staticmethod
    def _tell(process: subprocess.Popen[str], document: dict[str, Any]) -> None:
        process.stdin.write(json.dumps(document) + "\n")  # type: ignore[union-attr] # it is a pipe
        process.stdin.flush()  # type: ignore[union-attr] # likewise


def measure(clients: Clients, ways: Sequence[str], rounds: int, seconds: float) -> list[Slice]:
    """Each way once a round, another first in each; one round is not kept."""
    slices: list[Slice] = []
    for number in range(-1, rounds):
        turn = number % len(ways)
        for way in (*ways[turn:], *ways[:turn]):
            found = clients.run(way, number, seconds if number >= 0 else 1.0)
            if number >= 0:
                slices.append(found)
    return slices


def table(slices: Sequence[Slice]) -> str:
    """Medians over the rounds, and of the quotients to the same round's bare UPDATE; the best."""
    bases = {each.round: each.rate for each in slices if each.way == "update"}
    names = ("a second", "best", "of update", "p50 ms", "p99 ms", "unaccounted", "failed")
    lines = [("way", *names)]
    for way in dict.fromkeys(each.way for each in slices):
        mine = [each for each in slices if each.way == way]
        failed: Counter[str] = sum((Counter(each.failed) for each in mine), Counter())
        lines.append(
            (
                way,
                f"{median(each.rate for each in mine):.0f}",
                f"{max(each.rate for each in mine):.0f}",
                f"{median(each.rate / bases[each.round] for each in mine):.2f}",
                f"{median(each.p50_ms for each in mine):.0f}",
                f"{median(each.p99_ms for each in mine):.0f}",
                str(sum(each.unaccounted for each in mine)),
                ", ".join(f"{count} {name}" for name, count in failed.items()) or "none",
            )
        )
    return aligned(lines)


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-orders", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="over all ways (9)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of a slice (3)")
    parser.add_argument(
        "--ways", nargs="+", choices=WAYS, default=WAYS, help="beside update, which is first"
    )
    parser.add_argument("--short", action="store_true", help="two short rounds: does it work?")
    parser.add_argument("--json", type=Path, help="also write every slice to this file")
    parser.add_argument("--client", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(given)


def main(given: Sequence[str]) -> int:
    chosen = arguments(given)
    if chosen.client:
        work()
        return 0
    rounds, seconds = (2, 1.0) if chosen.short else (chosen.rounds, chosen.seconds)
    ways = tuple(dict.fromkeys((WAYS[0], *chosen.ways)))
    with (
        tempfile.TemporaryDirectory(prefix="agora-bench-") as folder,
        services(Path(folder)) as environment,
    ):
        os.environ.update(environment)
        import django

        django.setup()
        hot = prepare()
        clients = Clients(environment, hot)
        try:
            slices = measure(clients, ways, rounds, seconds)
        finally:
            clients.close()
            from django.db import connection

            connection.close()
    sys.stdout.write(f"{PROCESSES * THREADS} clients, medians of {rounds} rounds.\n")
    sys.stdout.write(f"\n{table(slices)}\n")
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(each) for each in slices], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
