"""`make bench-rollout`: promotions back and forth while eight clients predict.

Two web processes serve an alias that swings between two versions; windows in which it swings take
turns with windows in which it rests, so that both see the same machine. Every answer is compared
with what the version it names must answer. Once with the version before kept warm, and once
without, when each promotion loads anew. See docs/subsystems/performance.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.programs import Options
from tests.harness.cluster import Platform
from tests.harness.swinging import (
    Swing,
    callers_of,
    make_artefacts,
    p99,
    prepare,
    processes_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.harness.swinging import Callers

WEBS = 2
WARM_PROMOTIONS = 10  # after which memory counts as settled
PROMOTIONS_A_WINDOW = 10
GAP_SECONDS = 1.0  # between two promotions
LONG_GAP_SECONDS = 2.3  # after which a version that is not kept warm has gone
GROWTH_MAX = 1.1  # of resident memory
TAIL_MAX = 2.0  # of the p99 while the alias swings, over that while it rests
MEBIBYTE = 1024**2


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Windows:
    """What was seen while the alias swung, and while it rested."""

    def __init__(self, callers: Callers, swing: Swing, gap: float) -> None:
        self._gap = gap
        self._callers = callers
        self._swing = swing
        self._number = 1
        self.lives: list[float] = []  # seconds from a promotion's answer until all follow
        self.tails: list[tuple[float, float]] = []  # p99 in ms: swinging, resting

    def run(self) -> None:
        start = time.monotonic()
        for _ in range(PROMOTIONS_A_WINDOW):
            self._number = 3 - self._number
            self.lives.append(self._swing.promote(self._number))
            time.sleep(self._gap)
        middle = time.monotonic()
        time.sleep(middle - start)
        calls = self._callers.between
        self.tails.append((p99(calls(start, middle)), p99(calls(middle, time.monotonic()))))


def measure(folder: Path, artefacts: Path, windows: int, bake: int) -> bool:
    """Print what was found; whether all of it is as promised."""
    settings = {"SERVING_BAKE_SECONDS": str(bake)}
    with Platform(folder, settings=settings, options=Options(web_workers=WEBS)) as platform:
        platform.manage("migrate", "--no-input")
        platform.manage("seed")
        prepare(platform, artefacts)
        platform.start("web")
        assert platform.wait_until(lambda: _are_loaded(platform), seconds=60), platform.log("web")
        swing = Swing(platform)
        with callers_of(platform) as callers:
            for number in (2, 1) * (WARM_PROMOTIONS // 2):
                swing.promote(number)
            settled = processes_of(platform)
            seen = Windows(callers, swing, GAP_SECONDS if bake else LONG_GAP_SECONDS)
            loads = _loads(platform)
            for _ in range(windows if bake else max(1, windows // 3)):
                seen.run()
            loads = _loads(platform) - loads
            grown = processes_of(platform)
        say(f"{loads} loads in {WEBS} processes:")
        return report(seen, callers, settled, grown, bake)


def _loads(platform: Platform) -> int:
    ((loads,),) = platform.sql("SELECT sum(loads) FROM ml_models_servingprocess")
    return int(loads)


def _are_loaded(platform: Platform) -> bool:
    statement = "SELECT count(*) FROM ml_models_servedversion WHERE state = 'available'"
    return platform.sql(statement)[0][0] == WEBS


def report(
    seen: Windows, callers: Callers, settled: dict[int, int], grown: dict[int, int], bake: int
) -> bool:
    lives = sorted(seen.lives)
    swinging, resting = zip(*seen.tails, strict=True)
    ratio = statistics.median(one / other for one, other in seen.tails)
    growth = max(grown[pid] / settled[pid] for pid in grown)
    mode = "kept warm" if bake else "loaded anew"
    say(
        f"{len(lives)} promotions, the version before {mode}, {len(callers.calls)} calls by"
        f" {callers.count} clients: {len(callers.wrong)} wrong"
    )
    say(
        f"  live everywhere after {statistics.median(lives) * 1e3:.0f} ms (median),"
        f" {lives[int(len(lives) * 0.99) - 1] * 1e3:.0f} ms (p99)"
    )
    say(
        f"  p99 of a call {statistics.median(swinging):.1f} ms swinging,"
        f" {statistics.median(resting):.1f} ms resting, ratio {ratio:.2f} (median of windows)"
    )
    memory = ", ".join(
        f"{settled[pid] / MEBIBYTE:.0f} to {grown[pid] / MEBIBYTE:.0f} MiB" for pid in grown
    )
    say(f"  resident memory {memory}: {growth:.3f} times at most")
    for wrong in callers.wrong[:3]:
        say(f"  wrong: {wrong}")
    return not callers.wrong and growth <= GROWTH_MAX and ratio <= TAIL_MAX


def main(given: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="two windows instead of ten")
    windows = 2 if parser.parse_args(given).short else 10
    with tempfile.TemporaryDirectory() as folder:
        artefacts = Path(folder, "artefacts")
        artefacts.mkdir()
        make_artefacts(artefacts)
        good = [
            measure(Path(folder, f"state-{bake}"), artefacts, windows, bake) for bake in (3_600, 0)
        ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
