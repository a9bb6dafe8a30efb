"""UUIDv7 as RFC 9562 has it, in the order of making."""

import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122

from core.ids import RANDOM_AHEAD, uuid7


class TestUuid7:
    def test_has_the_version_and_the_variant(self):
        made = uuid7()

        assert (made.version, made.variant) == (7, RFC_4122)

    def test_begins_with_the_milliseconds_of_unix_time(self):
        before = time.time_ns() // 1_000_000
        made = uuid7()
        after = time.time_ns() // 1_000_000

        assert before <= made.int >> 80 <= after

    def test_sorts_by_the_order_of_making_within_a_millisecond(self):
        made = []
        for _ in range(200):
            made.append(uuid7())
            until = time.time_ns() + 1_000  # the fraction tells a quarter of a microsecond
            while time.time_ns() < until:
                pass

        assert made == sorted(made)
        assert len({one.int >> 80 for one in made}) < len(made)

    def test_never_repeats(self):
        assert len({uuid7() for _ in range(20_000)}) == 20_000

    def test_never_repeats_between_threads(self):
        with ThreadPoolExecutor(8) as pool:
            made = pool.map(lambda _: [uuid7() for _ in range(2_000)], range(8))

            assert len({one for many in made for one in many}) == 16_000

    def test_a_forked_child_has_random_bytes_of_its_own(self):
        uuid7()  # fetches bytes ahead
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: of threads, which wait
            child = os.fork()
        if child == 0:
            os.write(writer, b"".join(uuid7().bytes[8:] for _ in range(100)))
            os._exit(0)
        os.waitpid(child, 0)
        theirs = os.read(reader, 100 * 8)
        os.close(reader)
        os.close(writer)

        ours = {uuid7().bytes[8:] for _ in range(RANDOM_AHEAD)}
        assert ours.isdisjoint(theirs[at : at + 8] for at in range(0, len(theirs), 8))
