from __future__ import annotations

import pytest

from serving.policy import Action, AvailabilityPreserving, ResourcePreserving, Verb, VersionView
from serving.state import ServableState

START, LOADING, AVAILABLE, UNLOADING, END = ServableState


def wanted(version, state):
    return VersionView(version, state, aspired=True)


def unwanted(version, state, *, lingering=False):
    return VersionView(version, state, aspired=False, lingering=lingering)


def load(version):
    return Action(Verb.LOAD, version)


def unload(version):
    return Action(Verb.UNLOAD, version)


# situation: (versions, what AvailabilityPreserving does, what ResourcePreserving does)
TABLE = {
    "nothing known": ([], None, None),
    "first version": ([wanted(1, START)], load(1), load(1)),
    "first version loading": ([wanted(1, LOADING)], None, None),
    "all is well": ([wanted(1, AVAILABLE)], None, None),
    "two new versions: the newer first": (
        [wanted(1, START), wanted(2, START)],
        load(2),
        load(2),
    ),
    "a new version beside an old one that is wanted too": (
        [wanted(1, AVAILABLE), wanted(2, START)],
        load(2),
        load(2),
    ),
    "a new version instead of the old one": (
        [unwanted(1, AVAILABLE), wanted(2, START)],
        load(2),
        unload(1),
    ),
    "the new version is loading": (
        [unwanted(1, AVAILABLE), wanted(2, LOADING)],
        None,
        unload(1),
    ),
    "the new version is there": (
        [unwanted(1, AVAILABLE), wanted(2, AVAILABLE)],
        unload(1),
        unload(1),
    ),
    "the new version is there, the old one lingers": (
        [unwanted(1, AVAILABLE, lingering=True), wanted(2, AVAILABLE)],
        None,
        None,
    ),
    "the new version failed: the old one stays": (
        [unwanted(1, AVAILABLE), wanted(2, END)],
        None,
        unload(1),
    ),
    "one wanted version is there, the other failed": (
        [unwanted(1, AVAILABLE), wanted(2, END), wanted(3, AVAILABLE)],
        unload(1),
        unload(1),
    ),
    "one wanted version is there, the other is still to come": (
        [unwanted(1, AVAILABLE), wanted(2, START), wanted(3, AVAILABLE)],
        load(2),
        unload(1),
    ),
    "one wanted version failed, the other is loading": (
        [unwanted(1, AVAILABLE), wanted(2, END), wanted(3, LOADING), wanted(4, AVAILABLE)],
        None,
        unload(1),
    ),
    "nothing is wanted any more": ([unwanted(1, AVAILABLE)], unload(1), unload(1)),
    "two are not wanted: the older first": (
        [unwanted(2, AVAILABLE), unwanted(1, AVAILABLE)],
        unload(1),
        unload(1),
    ),
    "the old one is draining": ([unwanted(1, UNLOADING), wanted(2, START)], load(2), None),
    "the old one has gone": ([unwanted(1, END), wanted(2, START)], load(2), load(2)),
    "an unwanted version is never loaded": ([unwanted(1, START)], None, None),
    "an unwanted version is still loading": (
        [unwanted(1, LOADING), wanted(2, START)],
        load(2),
        None,
    ),
    "rolled back: the old one is wanted again": (
        [wanted(1, AVAILABLE), unwanted(2, AVAILABLE)],
        unload(2),
        unload(2),
    ),
}


@pytest.mark.parametrize("situation", TABLE)
class TestNextAction:
    def test_availability_preserving(self, situation):
        versions, expected, _ = TABLE[situation]
        assert AvailabilityPreserving().next_action(versions) == expected

    def test_resource_preserving(self, situation):
        versions, _, expected = TABLE[situation]
        assert ResourcePreserving().next_action(versions) == expected
