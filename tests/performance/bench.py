"""`make bench`: how fast predictions are here, beside Flask and FastAPI, in one interleaved run.

All sides run on this machine at the same time, each with two processes, and are loaded one after
the other, point by point, round by round: same network, same rows, same load generator. Every
side's answers are compared with Keras before anything is timed. Three sides are one platform asked
with three kinds of credential; --before adds an earlier commit: docs/subsystems/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import loading
import processes
import sides
from lineup import NAMES, make_sides
from results import Measurement, Point, Results, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from sides import Rows, Side

POINTS = [Point(rows, connections) for rows in (1, 32) for connections in (1, 8, 32)]
SHORT_POINTS = [Point(1, 8), Point(32, 8)]
IDLE_LOOK = 2.0  # seconds one side is watched doing nothing
FAILED = 1  # exit code: a goal missed, a void point, a side that does not start
MODEL_TIMEOUT = 300  # seconds


@dataclass(frozen=True, slots=True)
class Golden:
    """The payload and the answers Keras gives for it."""

    rows: Rows
    answers: Rows


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often is measured."""

    seconds: float
    rounds: int
    points: Sequence[Point]


class Bench:
    """One run in one temporary folder."""

    def __init__(
        self, folder: Path, plan: Plan, names: Sequence[str], *, before: Path | None = None
    ) -> None:
        self._folder = folder
        self._plan = plan
        self.sides: list[Side] = make_sides(folder, names, before=before)
        self.results = Results()
        self.idle: dict[str, dict[str, float]] = {}
        self.notes: list[str] = []
        self._program = loading.build(folder)
        self._golden = make_model(folder)

    def start(self) -> None:
        for side in self.sides:
            say(f"Starting {side.name}: {side.what}")
            side.start()
        for side in self.sides:
            side.wait_ready()
            for rows in {point.rows for point in self._plan.points}:
                side.check(self._golden.rows[:rows], self._golden.answers[:rows])
            say(f"{side.name} answers as Keras does (within {sides.TOLERANCE:g})")

    def measure(self) -> None:
        for number in range(self._plan.rounds):
            for point in self._plan.points:
                # Another side begins in each round: nobody profits from a place in the order.
                turn = number % len(self.sides)
                for side in self.sides[turn:] + self.sides[:turn]:
                    found = self._one(side, point, number)
                    self.results.all.append(found)
                    shown = found.first_error if found.errors else f"{found.rate:,.0f} req/s"
                    say(f"round {number + 1}/{self._plan.rounds}, {point}: {side.name} {shown}")

    def look_round(self) -> None:
        """Note what each side costs when nobody asks (of those that share processes, the first).

        And what the sides have to say against their own figures.
        """
        first = {side.pid: side.name for side in reversed(self.sides)}
        self.notes = [note for side in self.sides for note in side.notes()]
        self.idle = {
            name: {
                "cores": round(processes.busy_cores(pid, IDLE_LOOK), 3),
                "memory_mb": round(processes.memory_mb(pid)),
            }
            for pid, name in reversed(first.items())
        }

    def stop(self) -> None:
        for side in self.sides:
            side.stop()

    def _one(self, side: Side, point: Point, number: int) -> Measurement:
        rows = self._golden.rows[: point.rows]
        body_bytes = side.check(rows, self._golden.answers[: point.rows])
        request = self._folder / "request"
        request.write_bytes(
            loading.http_request(side.path, side.port, side.headers(), side.body(rows))
        )
        self._rest(self.sides)
        before = processes.cpu_seconds(side.pid)
        load = loading.run(
            self._program,
            port=side.port,
            request=request,
            connections=point.connections,
            warmup=side.warmup,
            seconds=self._plan.seconds,
            body_bytes=body_bytes,
        )
        # What it writes behind the answers is part of what they cost.
        time.sleep(side.settle)
        self._rest([side])
        used = processes.cpu_seconds(side.pid) - before
        return Measurement(
            side=side.name,
            point=point,
            round=number,
            rate=load.rate,
            p50_ms=load.p50_ms,
            p99_ms=load.p99_ms,
            cpu=used / max(load.answered, 1) * 1000,
            answers=load.answered,
            errors=load.errors,
            first_error=load.first_error,
            generator_cores=load.cpu_seconds / (load.seconds + side.warmup),
        )

    def _rest(self, waited_for: Sequence[Side]) -> None:
        """Until these sides do next to nothing."""
        restless = processes.wait_quiet({side.pid for side in waited_for})
        for side in waited_for:
            if side.pid in restless:
                say(f"(note: {side.name} does not come to rest)")


def make_model(folder: Path) -> Golden:
    """The network, its flatbuffer and the reference answers, made by a process of its own."""
    say("Making the network and its reference answers (Keras)")
    done = subprocess.run(
        [sys.executable, str(sides.HERE / "model.py"), str(folder)],
        env={**os.environ, **sides.QUIET_TENSORFLOW},
        check=False,
        capture_output=True,
        text=True,
        timeout=MODEL_TIMEOUT,
    )
    if done.returncode != 0:
        raise sides.SideError(f"The network cannot be made:\n{done.stderr[-sides.LOG_SHOWN :]}")
    golden = json.loads((folder / "golden.json").read_text())
    return Golden(golden["rows"], golden["answers"])


def say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def report(bench: Bench, plan: Plan) -> None:
    names = [side.name for side in bench.sides]
    write("")
    write(
        f"Medians of {plan.rounds} rounds of {plan.seconds:g} s on {len(os.sched_getaffinity(0))}"
        f" cores ({platform.machine()}, Python {platform.python_version()}).\n"
        "CPU ms: a request, of all processes of a side until it rests; agora's are web, PostgreSQL,"
        " Redis, relay, worker, beat. Ratios are taken within a round: median (least..most)."
    )
    for point in plan.points:
        write("\n" + table(bench.results, point, names))
    write("\nDoing nothing:")
    for name, use in bench.idle.items():
        write(f"  {name}: {use['cores']:.3f} cores, {use['memory_mb']:,.0f} MB")
    for note in bench.notes:
        write(f"NOTE: {note}")
    for m in bench.results.void:
        write(
            f"VOID: {m.side} at {m.point}, round {m.round + 1}: {m.errors} errors, {m.first_error}"
        )
    for comparison in bench.results.comparisons():
        write(str(comparison))


def write(text: str) -> None:
    sys.stdout.write(text + "\n")


def succeeded(bench: Bench, *, judged: bool) -> bool:
    """No void point; and, where the run is long enough to judge, every goal met."""
    if bench.results.void:
        return False
    return not judged or all(found.is_met for found in bench.results.comparisons())


def save(path: Path, bench: Bench, plan: Plan) -> None:
    document = {
        "seconds": plan.seconds,
        "rounds": plan.rounds,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "sides": {side.name: side.what for side in bench.sides},
        "idle": bench.idle,
        "notes": bench.notes,
        **bench.results.document(),
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="counted at each point (4)")
    parser.add_argument("--rounds", type=int, default=3, help="over all points and sides (3)")
    parser.add_argument(
        "--short", action="store_true", help="one round of 1 s at two points; misses are not judged"
    )
    parser.add_argument("--json", type=Path, help="also write every measurement to this file")
    parser.add_argument(
        "--sides",
        type=side_names,
        default=",".join(NAMES),
        help="comma-separated; all unless said (fastapi-litert is shown, not judged)",
    )
    parser.add_argument(
        "--before",
        type=Path,
        metavar="CHECKOUT",
        help="another side, agora-before: an earlier commit's checkout; shown, not judged",
    )
    return parser.parse_args(given)


def side_names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(NAMES):
        raise argparse.ArgumentTypeError(f"no such side: {', '.join(sorted(unknown))}")
    return names


def interrupted(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(given: Sequence[str]) -> int:
    chosen = arguments(given)
    plan = Plan(chosen.seconds, chosen.rounds, POINTS)
    if chosen.short:
        plan = Plan(1.0, 1, SHORT_POINTS)
    signal.signal(signal.SIGTERM, interrupted)
    with tempfile.TemporaryDirectory(prefix="agora-bench-") as folder:
        try:
            bench = Bench(Path(folder), plan, chosen.sides, before=chosen.before)
        except (loading.LoadError, sides.SideError) as error:
            write(f"bench: {error}")
            return FAILED
        try:
            bench.start()
            bench.measure()
            bench.look_round()
        except (loading.LoadError, sides.SideError) as error:
            write(f"bench: {error}")
            return FAILED
        finally:
            bench.stop()
        report(bench, plan)
        if chosen.json:
            save(chosen.json, bench, plan)
        return 0 if succeeded(bench, judged=not chosen.short) else FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
