"""UUIDv7 as RFC 9562 has it, in the order of making."""

import time
from uuid import RFC_4122

from core.ids import uuid7


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
