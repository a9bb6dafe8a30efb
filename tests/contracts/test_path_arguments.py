"""Ids that are none, and ids that do not belong together: 404 for whoever owns all of it."""

from __future__ import annotations

from itertools import combinations
from urllib.parse import quote

import pytest

from tests.contracts.bodies import body_of
from tests.contracts.calling import perform, said, undone, writes
from tests.contracts.objects import thing_of
from tests.contracts.routes import DETAIL_ROUTES

# What a caller may write where an id belongs, as it stands in the URL.
MALFORMED = {
    "zero": "0",
    "negative": "-1",
    "a fraction": "1.0",
    "a word": "abc",
    "beyond any integer": "1" + "0" * 30,
    "5,000 digits": "1" * 5_000,
    "an Arabic digit": quote("\N{ARABIC-INDIC DIGIT ONE}"),
    "a nil UUID": "00000000-0000-0000-0000-000000000000",
    "not UTF-8": "%ff",
    "up a folder": "%2e%2e",
    "SQL": quote("1' OR '1'='1", safe=""),
}
NUL = "%00"  # refused before any route is looked for

NESTED = [
    route
    for route in DETAIL_ROUTES
    if len(route.converters) > 1 and all(route.is_numbered.values())
]


def names(routes):
    return [route.text for route in routes]


def owner_of(cast, thing):
    """A login that is let in everywhere: staff where nothing is owned, or where staff see it."""
    is_theirs = thing.is_owned and not thing.seen_with
    return cast.login("owner", cast.owner if is_theirs else cast.bob)


def answers(actor, route, arguments, cast):
    """By method, what somebody gets for these arguments; and whether anything was written."""
    found = {}
    for operation in route.operations:
        before = writes()
        with undone():
            response = perform(actor.token, operation, arguments, body_of(cast, operation))
            found[operation.method] = said(response)
        if found[operation.method] != "in" and writes() != before:
            found[operation.method] += ", and something was written"
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("route", DETAIL_ROUTES, ids=names(DETAIL_ROUTES))
class TestIdsThatAreNone:
    def test_are_404(self, route, cast):
        thing = thing_of(route.text)
        made, actor = thing.make(cast, cast.owner, None), owner_of(cast, thing)
        wrong = {}
        for name, (words, text) in self.bad_arguments(route):
            got = answers(actor, route, {**made.arguments, name: text}, cast)
            may_choose = {method for method, free in thing.free.items() if name in free}
            wrong |= {
                f"{method} with {words} as {name}": answer
                for method, answer in got.items()
                if answer != "404" and not (method in may_choose and self.is_refusal(answer))
            }

        assert wrong == {}

    @staticmethod
    def bad_arguments(route):
        return [(name, bad) for name in route.converters for bad in MALFORMED.items()]

    @staticmethod
    def is_refusal(answer):
        """Where a caller chooses the name: it may be fit, or not."""
        return answer == "in" or answer.startswith("400 ")

    def test_in_another_case_are_404(self, route, cast):
        thing = thing_of(route.text)
        made, actor = thing.make(cast, cast.owner, None), owner_of(cast, thing)
        wrong = {}
        for name in route.converters:
            text = str(made.arguments[name])
            other = text.upper() if text != text.upper() else text.lower()
            if other == text or any(name in free for free in thing.free.values()):
                continue
            got = answers(actor, route, {**made.arguments, name: other}, cast)
            wrong |= {(name, method): said for method, said in got.items() if said != "404"}

        assert wrong == {}

    def test_with_a_nul_are_refused_before_a_route_is_looked_for(self, route, cast):
        thing = thing_of(route.text)
        made, actor = thing.make(cast, cast.owner, None), owner_of(cast, thing)

        got = {
            said
            for name in route.converters
            for said in answers(actor, route, {**made.arguments, name: NUL}, cast).values()
        }

        assert got == {"400 malformed_path"}


@pytest.mark.django_db
@pytest.mark.parametrize("route", NESTED, ids=names(NESTED))
class TestIdsThatDoNotBelongTogether:
    """Each id is good by itself, and the caller may see what it stands for, or not."""

    def test_of_two_trees_of_ones_own_are_404(self, route, cast):
        thing = thing_of(route.text)
        one, two = (thing.make(cast, cast.owner, None).arguments for _ in range(2))

        assert self.mixed(cast, owner_of(cast, thing), route, one, two) == {"404"}

    def test_of_ones_own_and_somebody_elses_tree_are_404(self, route, cast):
        thing, people = thing_of(route.text), (cast.owner, cast.mallory)
        mine, theirs = (thing.make(cast, user, None).arguments for user in people)
        is_theirs = thing.is_owned and not thing.seen_with
        logins = [cast.login("caller", user) for user in people]

        for actor in logins if is_theirs else [owner_of(cast, thing)]:
            assert self.mixed(cast, actor, route, mine, theirs) == {"404"}

    @staticmethod
    def mixed(cast, actor, route, one, two):
        """Every answer to every way of taking some arguments from one tree, some from another."""
        found = set()
        for size in range(1, len(one)):
            for taken in combinations(one, size):
                arguments = {**two, **{name: one[name] for name in taken}}
                found |= {*answers(actor, route, arguments, cast).values()}
        return found
