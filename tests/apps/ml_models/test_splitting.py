"""Who falls into a share: evenly, for ever, and the same in every process."""

import os
import subprocess
import sys
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml_models.runtime.splitting import Draw, bucket_of

SALTS = st.text(alphabet="0123456789abcdef", min_size=32, max_size=32)
CALLERS = st.uuids().map(str)
SHARES = st.integers(0, 10_000)
SALT = "00112233445566778899aabbccddeeff"
CALLER = "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47"
KNOWN_BUCKET = 2_382


class TestBucketOf:
    def test_is_the_hash_of_salt_and_key(self):
        digest = blake2b(f"{SALT}{CALLER}".encode(), digest_size=8).digest()

        assert bucket_of(SALT, CALLER.encode()) == int.from_bytes(digest, "big") % 10_000

    def test_is_for_ever(self):
        """Callers change their version when this number changes."""
        assert bucket_of(SALT, CALLER.encode()) == KNOWN_BUCKET

    @pytest.mark.parametrize("seed", ["0", "1", "random"])
    def test_is_the_same_in_every_process(self, seed):
        code = (
            "from apps.ml_models.runtime.splitting import bucket_of;"
            f"print(bucket_of({SALT!r}, {CALLER!r}.encode()))"
        )
        program = f"import django; django.setup(); {code}"
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=True
        )
        assert int(done.stdout) == KNOWN_BUCKET

    @given(SALTS, CALLERS)
    def test_lies_in_the_whole(self, salt, caller):
        assert 0 <= bucket_of(salt, caller.encode()) < 10_000

    def test_is_even(self):
        """Chi-squared over 100 bins of 100,000 callers: 99 degrees of freedom, so 160 is 1 in 10⁴.

        The callers are counted names, since random ones would be spread evenly by themselves.
        """
        counts = [0] * 100
        for number in range(100_000):
            counts[bucket_of(SALT, f"caller-{number}".encode()) // 100] += 1

        assert sum((count - 1_000) ** 2 / 1_000 for count in counts) < 160


class TestDraw:
    @given(SALTS, CALLERS, SHARES, SHARES)
    def test_who_is_in_a_share_is_in_each_larger_one(self, salt, caller, one, other):
        small, large = sorted([one, other])
        if Draw(salt, small).takes(caller.encode()):
            assert Draw(salt, large).takes(caller.encode())

    @given(SALTS, CALLERS)
    def test_nothing_takes_none_and_the_whole_takes_all(self, salt, caller):
        assert not Draw(salt, 0).takes(caller.encode())
        assert Draw(salt, 10_000).takes(caller.encode())

    @pytest.mark.parametrize("share", [1, 500, 2_000, 5_000])
    def test_takes_about_its_share(self, share):
        draw = Draw(SALT, share)
        taken = sum(draw.takes(f"caller-{number}".encode()) for number in range(20_000))

        spread = (20_000 * share / 10_000 * (1 - share / 10_000)) ** 0.5
        assert abs(taken - 20_000 * share / 10_000) < 4 * spread

    def test_another_salt_draws_other_callers(self):
        """Of the 20 % of one salt another one takes 20 %, not the same again."""
        one, other = Draw(SALT, 2_000), Draw(SALT[::-1], 2_000)
        callers = [f"caller-{number}".encode() for number in range(20_000)]
        first = {caller for caller in callers if one.takes(caller)}
        both = {caller for caller in first if other.takes(caller)}

        assert 0.16 < len(both) / len(first) < 0.24
