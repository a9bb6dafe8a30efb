"""Secrets of our making: their look, their checksum, their digests under rotating peppers."""

import hashlib
import hmac
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.security import tokens

OLD, NEW = "old-pepper-" + "o" * 32, "new-pepper-" + "n" * 32


class TestMakeSecret:
    def test_has_prefix_256_random_bits_and_checksum(self):
        secret = tokens.make_secret("sk_")

        assert re.fullmatch(r"sk_[0-9A-Za-z]{49}", secret)
        assert tokens.has_valid_checksum(secret)
        assert tokens.make_secret("sk_") != secret

    @settings(deadline=None)
    @given(place=st.integers(0, 51), replacement=st.sampled_from(tokens.ALPHABET))
    def test_one_wrong_character_is_noticed(self, place, replacement):
        secret = tokens.make_secret("sk_")
        wrong = secret[:place] + replacement + secret[place + 1 :]

        assert tokens.has_valid_checksum(wrong) == (wrong == secret)

    @pytest.mark.parametrize("text", ["", "sk_", "123456", "sk_é" + "0" * 6])
    def test_what_is_too_short_or_foreign_is_refused(self, text):
        assert not tokens.has_valid_checksum(text)


class TestDigests:
    @pytest.fixture(autouse=True)
    def _peppers(self, settings):
        settings.PEPPERS = [NEW, OLD]

    def test_is_hmac_sha256_under_the_newest_pepper(self):
        expected = hmac.new(NEW.encode(), b"sk_1", hashlib.sha256).digest()

        assert tokens.digest_secret("sk_1") == expected
        assert tokens.possible_digests("sk_1")[0] == expected

    def test_a_digest_of_an_older_pepper_still_matches_and_asks_to_be_renewed(self, settings):
        settings.PEPPERS = [OLD]
        digest = tokens.digest_secret("sk_1")
        settings.PEPPERS = [NEW, OLD]

        assert tokens.secret_matches("sk_1", digest)
        assert tokens.needs_new_digest("sk_1", digest)
        assert not tokens.needs_new_digest("sk_1", tokens.digest_secret("sk_1"))

    def test_a_pepper_taken_off_the_list_opens_nothing(self, settings):
        settings.PEPPERS = [OLD]
        digest = tokens.digest_secret("sk_1")
        settings.PEPPERS = [NEW]

        assert not tokens.secret_matches("sk_1", digest)

    def test_another_secret_does_not_match(self):
        assert not tokens.secret_matches("sk_2", tokens.digest_secret("sk_1"))
