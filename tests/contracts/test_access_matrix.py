"""Every detail route by every kind of caller by every method: who is let in, what others get.

Generated from the router. What must come out follows from a small rule, `expected`; there is no
list of exceptions.
"""

from __future__ import annotations

import pytest

from core.api.permissions import PUBLIC, OrAnonymous
from tests.contracts.bodies import BODIES, body_of
from tests.contracts.calling import content, perform, said, send, undone, writes
from tests.contracts.objects import CONTENTS, OBJECTS, thing_of
from tests.contracts.routes import DETAIL_ROUTES, METHODS, OPERATIONS, ROUTES, Operation

READING = {"GET"}


def allow(route):
    """The header Allow of a route, in the order in which Django's views give their methods."""
    methods = [method for method in METHODS if method in route.actions]
    return ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])


def expected(actor, operation, is_visible):
    """The one rule. `is_visible`: whether the object is everybody's, or this actor's."""
    refusal = (
        refused_as_such(actor, operation.route)
        or refused_for_method(operation)
        or refused_for_scope(actor, operation)
    )
    return refusal or ("in" if is_visible else "404")


def refused_as_such(actor, route):
    """A credential that is bad is refused everywhere; none, where nothing is public."""
    is_tolerated = actor.token is None and route.is_public
    return "" if is_tolerated else actor.refusal


def refused_for_method(operation):
    route = operation.route
    return "" if operation.method in route.actions else f"405 {allow(route)}"


def refused_for_scope(actor, operation):
    scope = operation.scope
    if scope is PUBLIC:
        return ""
    if actor.token is None:
        return "" if isinstance(scope, OrAnonymous) else actor.refusal
    if actor.read_only and operation.method not in READING:
        return "403 read_only_credential"
    is_missing = scope is not None and scope not in actor.scopes
    return f"403 insufficient_scope {scope}" if is_missing else ""


def actors_of(cast, route):
    """Everybody but the owner deactivated."""
    yield from cast.good()
    scopes = {operation.scope for operation in route.operations} - {PUBLIC, None}
    for scope in sorted(scopes):
        yield cast.without(scope)
    yield from cast.bad()


class Matrix:
    """Calls of one route, their answers compared with the rule; nothing may stay of any."""

    def __init__(self, cast, route):
        self.cast, self.route, self.thing = cast, route, thing_of(route.text)
        makers = [None, cast.maker] if self.thing.by_application else [None]
        self.objects = [(maker, self.thing.make(cast, cast.owner, maker)) for maker in makers]
        self.bodies = {operation.method: body_of(cast, operation) for operation in route.operations}
        self.wrong = {}
        self.let_in = set()

    def run(self):
        for actor in actors_of(self.cast, self.route):
            self.check_all(actor)
        with undone():
            for actor in self.cast.deactivated():
                self.check_all(actor)

    def check_all(self, actor):
        for maker, made in self.objects:
            for method in METHODS:
                self.check(actor, Operation(method, self.route), maker, made)

    def check(self, actor, operation, maker, made):
        is_visible = (
            not self.thing.is_owned
            or actor.sees(self.cast.owner, maker)
            or self.thing.seen_with in actor.scopes
            or (operation.method in self.route.actions and operation.scope is PUBLIC)
        )
        right = expected(actor, operation, is_visible)
        before = writes()
        with undone():
            response = self.call(actor, operation, made)
            answer = said(response)
            if operation.method == "GET" and not self.is_same_by_head(actor, made, response):
                answer += ", and by HEAD another"
        if right == "in":
            self.let_in.add(operation.method)
        elif writes() != before:
            answer += f", written {writes().items() - before.items()}"
        if answer != right:
            by = "its owner" if maker is None else maker.name
            self.wrong[f"{operation} by {actor.name}, made by {by}"] = (answer, right)

    def is_same_by_head(self, actor, made, response):
        """HEAD is GET without a body, also for whoever is refused (RFC 9110 section 9.3.2)."""
        head = send(actor.token, "HEAD", self.route.path(made.arguments))
        return head.status_code == response.status_code

    def call(self, actor, operation, made):
        if operation.method in self.bodies:
            body = self.bodies[operation.method]
            return perform(actor.token, operation, made.arguments, body)
        return send(actor.token, operation.method, self.route.path(made.arguments), {})


@pytest.mark.django_db
@pytest.mark.parametrize("route", DETAIL_ROUTES, ids=[route.text for route in DETAIL_ROUTES])
class TestMatrix:
    def test_is_what_the_rule_says_and_refusals_change_nothing(self, route, cast):
        matrix = Matrix(cast, route)
        rows = [row for _, made in matrix.objects for row in made.rows]
        before = [content(row) for row in rows]

        matrix.run()

        assert matrix.wrong == {}
        assert matrix.let_in >= route.actions.keys()
        assert [content(row) for row in rows] == before


class TestObjects:
    def test_a_route_that_nobody_has_described_fails_and_says_what_to_add(self):
        with pytest.raises(AssertionError, match=r"(?s)'orders/<uuid:pk>'.*Add one"):
            thing_of("orders/<uuid:pk>")

    def test_describe_only_what_is_there(self):
        routes = {route.text for route in ROUTES}
        operations = {str(operation) for operation in OPERATIONS}

        assert (OBJECTS.keys() | CONTENTS.keys()) - routes == set()
        assert BODIES.keys() - operations == set()
