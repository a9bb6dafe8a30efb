"""Calls of one caller resemble each other: what that is worth, and how rarely it misleads."""

import numpy as np
import pytest

from serving.clustering import Sample, compare, effective, worst_group

LOOKS = 2_000


def sample(draw, callers, calls, shift=0.0, likeness=0.7):
    """Scores of variance 1, of which `likeness` is between callers, newest first."""
    levels = draw.normal(shift, np.sqrt(likeness), callers)
    groups = draw.permutation(np.repeat(np.arange(callers), calls))
    noise = draw.normal(0.0, np.sqrt(1 - likeness), len(groups))
    return Sample(levels[groups] + noise, groups)


def with_sizes(*sizes, hits):
    """Flags and groups of groups of these sizes, the first `hits` of each being hits."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    flags = np.concatenate([np.arange(s) < h for s, h in zip(sizes, hits, strict=True)])
    return flags, groups


class TestEffective:
    def test_is_about_the_number_of_groups_where_each_is_all_or_nothing(self):
        successes, size = effective(*with_sizes(*[50] * 10, hits=[50] + [0] * 9))

        assert size == pytest.approx(9.0)
        assert successes / size == pytest.approx(0.1)

    def test_is_the_number_of_trials_where_groups_agree(self):
        assert effective(*with_sizes(*[50] * 10, hits=[10] * 10)) == (100.0, 500)

    def test_of_one_group_is_its_trials(self):
        assert effective(*with_sizes(40, hits=[10])) == (10.0, 40)

    @pytest.mark.parametrize("hits", [0, 50])
    def test_of_none_and_of_all_is_the_number_of_trials(self, hits):
        assert effective(*with_sizes(50, 50, hits=[hits, hits])) == (2.0 * hits, 100)

    def test_names_the_worst_group(self):
        assert worst_group(*with_sizes(50, 10, 20, hits=[3, 9, 8])) == 1


class TestCompare:
    @pytest.mark.parametrize(
        ("callers", "calls"),
        [((10, 40), (100, 25)), ((90, 10), (11, 10)), ((10, 10), (100, 100))],
        ids=["small canary", "large canary", "few"],
    )
    def test_is_misled_by_less_than_1_look_in_1_000(self, callers, calls):
        """Identical versions, though many lie far apart."""
        draw = np.random.default_rng(11)
        found = [
            compare(
                sample(draw, callers[0], calls[0]), sample(draw, callers[1], calls[1]), limit=0.25
            )
            for _ in range(LOOKS)
        ]

        assert sum(not spread.is_chance for spread in found) <= LOOKS // 1_000 - 1
        assert sum(spread.psi > 0.25 for spread in found) > LOOKS // 4

    def test_finds_a_shift(self):
        draw = np.random.default_rng(12)
        found = [
            compare(sample(draw, 10, 100, shift=3.0), sample(draw, 40, 25), limit=0.25)
            for _ in range(20)
        ]

        assert not any(spread.is_chance for spread in found)

    def test_looks_at_as_many_calls_of_each_caller(self):
        """Else one side's callers, known by a call each, would seem to differ more."""
        draw = np.random.default_rng(13)
        found = [
            compare(
                sample(draw, 30, 30, likeness=0.1), sample(draw, 30, 1, likeness=0.1), limit=0.25
            )
            for _ in range(LOOKS // 2)
        ]

        assert all(spread.is_chance for spread in found)

    def test_of_constant_scores_is_nothing(self):
        same = Sample(np.ones(40), np.repeat(np.arange(20), 2))

        assert compare(same, same, limit=0.25) == (0.0, True)

    def test_is_the_same_at_each_look(self):
        draw = np.random.default_rng(14)
        one, other = sample(draw, 10, 20, shift=1.0), sample(draw, 20, 20)

        assert compare(one, other, limit=0.25) == compare(one, other, limit=0.25)
