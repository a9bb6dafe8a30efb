"""What is announced is what was declared: its data, its object, and who may hear of it."""

from datetime import UTC, datetime
from typing import Annotated, Literal, TypedDict
from uuid import UUID

import pytest
from django.db import connection

from core.ids import uuid7
from core.limits import EVENT_DATA_MAX
from core.models import OutboxEvent
from core.outbox import Audience, Event, EventType, catalogue, declare, event_types, publish
from core.outbox.errors import EventMisfitError, EventTooLargeError
from core.outbox.shapes import fault_of, schema_of
from tests.factories.events import allow_events

ALICE, SHOP = uuid7(), uuid7()


class Counts(TypedDict):
    total: Annotated[int | None, "All."]


class Data(TypedDict):
    name: Annotated[str, "What it is called."]
    counts: Annotated[Counts, "Rows."]


GOOD: Data = {"name": "churn", "counts": {"total": None}}

LAMP_LIT = EventType(
    name="lamp.lit",
    object_type="lamp",
    summary="It is bright.",
    audience=Audience.APPLICATION,
    data=Data,
    example=GOOD,
    path="/lamps/{object_id}/{name}",
    schema_version=2,
)


@pytest.fixture(autouse=True)
def _declared(monkeypatch):
    monkeypatch.setitem(catalogue._declared, "lamp.lit", LAMP_LIT)


def lit(data=GOOD, **fields) -> Event:
    owners = {"account_id": ALICE, "application_id": SHOP}
    return LAMP_LIT.about("7", data, **{**owners, **fields})


class TestAbout:
    def test_fills_in_what_the_type_says(self):
        event = LAMP_LIT.about(
            UUID(int=7), GOOD, actor_id=ALICE, account_id=ALICE, application_id=SHOP
        )

        assert event == Event(
            type="lamp.lit",
            object_type="lamp",
            object_id="00000000-0000-0000-0000-000000000007",
            data=GOOD,
            actor_id=ALICE,
            account_id=ALICE,
            application_id=SHOP,
            is_public=False,
            schema_version=2,
        )


@pytest.mark.django_db
class TestPublish:
    def test_takes_what_fits(self):
        publish(lit())

        assert OutboxEvent.objects.get().payload == GOOD

    @pytest.mark.parametrize(
        ("event", "fault"),
        [
            (Event("lamp.gone", "lamp", "7", {}), "no app declares it"),
            (Event("lamp.lit", "candle", "7", GOOD), "it is about a candle, not a lamp"),
            (Event("lamp.lit", "lamp", "7", GOOD), "its schema version is 1, not 2"),
            (lit(application_id=None), "it must be for the application concerned and its owner"),
            (lit(account_id=None), "it must be for the application concerned and its owner"),
            (lit({"counts": {"total": 1}}), "data lacks name"),
            (lit({**GOOD, "reason": "x"}), r"data\.reason is not declared"),
            (lit({**GOOD, "name": 7}), r"data\.name is int, not str"),
            (lit({**GOOD, "counts": {"total": "7"}}), r"data\.counts\.total is str, not int"),
        ],
    )
    def test_refuses_what_does_not(self, event, fault):
        with pytest.raises(EventMisfitError, match=rf"{event.type} is not as declared: {fault}\."):
            publish(event)

        assert not OutboxEvent.objects.exists()

    def test_in_production_says_so_and_lets_the_work_stand(self, settings, log_lines):
        settings.OUTBOX_REFUSES_MISFITS = False

        publish(lit({**GOOD, "name": 7}))

        assert OutboxEvent.objects.get().payload["name"] == 7
        assert [(line["level"], line["message"]) for line in log_lines()] == [
            ("error", "lamp.lit is not as declared: data.name is int, not str.")
        ]

    @pytest.mark.parametrize("letter", ["x", "é"])
    def test_has_a_limit_that_counts_what_is_sent(self, settings, monkeypatch, letter):
        settings.OUTBOX_REFUSES_MISFITS = False  # the limit stands without it
        allow_events(monkeypatch, "lamp.long")
        width = len(letter.encode())
        most = (EVENT_DATA_MAX - len('{"text":""}')) // width
        publish(Event("lamp.long", "lamp", "7", {"text": letter * most}))

        with pytest.raises(EventTooLargeError, match=f"{EVENT_DATA_MAX} are allowed"):
            publish(Event("lamp.long", "lamp", "7", {"text": letter * (most + 1)}))

        assert OutboxEvent.objects.count() == 1

    def test_the_database_refuses_a_public_event_that_is_somebodys(self):
        with connection.cursor() as cursor, pytest.raises(Exception, match="outbox_public_is_nobo"):
            cursor.execute(
                "INSERT INTO core_outboxevent (id, kind, type, object_type, object_id, sequence,"
                " schema_version, payload, is_public, account_id, request_id, traceparent,"
                " attempts, last_error) VALUES (%s, 'event', 'x', 'x', '1', 1, 1, '{}', true, %s,"
                " '', '', 0, '')",
                [uuid7(), ALICE],
            )


class TestOwners:
    # (account, application, public), and for which audiences that is right.
    RIGHT = {
        (None, None, True): {Audience.EVERYBODY},
        (ALICE, None, False): {Audience.ACCOUNT, Audience.MAKER, Audience.MAKER_IF_KNOWN},
        (ALICE, SHOP, False): {Audience.APPLICATION, Audience.MAKER, Audience.MAKER_IF_KNOWN},
        (None, None, False): {Audience.MAKER_IF_KNOWN},
        (None, SHOP, False): set(),
        (ALICE, None, True): set(),
        (ALICE, SHOP, True): set(),
    }

    @pytest.mark.parametrize("audience", Audience)
    @pytest.mark.parametrize("owners", RIGHT)
    def test_are_as_the_audience_says(self, audience, owners):
        account, application, is_public = owners
        event_type = EventType("a.b", "a", "", audience, Data, GOOD)
        event = Event(
            "a.b",
            "a",
            "1",
            GOOD,
            account_id=account,
            application_id=application,
            is_public=is_public,
        )

        assert (event_type.fault_in(event) == "") is (audience in self.RIGHT[owners])


class TestCatalogue:
    def test_has_each_name_once(self):
        with pytest.raises(ValueError, match=r"lamp\.lit is declared twice"):
            declare(LAMP_LIT)

    def test_is_in_the_order_of_names_and_cannot_be_changed(self):
        types = event_types()

        assert list(types) == sorted(types)
        assert types["lamp.lit"] is LAMP_LIT
        with pytest.raises(TypeError):
            types["lamp.dark"] = LAMP_LIT


class TestPath:
    def test_is_made_of_the_object_and_its_data(self):
        assert LAMP_LIT.path_of("7/8", {"name": "a b", "more": 1}) == "/lamps/7%2F8/a%20b"

    def test_is_none_where_data_of_old_lacks_a_member(self):
        assert LAMP_LIT.path_of("7", {}) is None

    def test_is_none_where_there_is_none(self):
        nowhere = EventType("a.b", "a", "", Audience.MAKER, Data, GOOD)

        assert nowhere.path_of("7", GOOD) is None


class TestShapes:
    @pytest.mark.parametrize(
        ("hint", "schema", "good", "bad"),
        [
            (str, {"type": "string"}, "x", 1),
            (int, {"type": "integer"}, 1, True),
            (bool, {"type": "boolean"}, True, 1),
            (float, {"type": "number"}, 0.5, "0.5"),
            (UUID, {"type": "string", "format": "uuid"}, UUID(int=1), str(UUID(int=1))),
            (
                datetime,
                {"type": "string", "format": "date-time"},
                datetime(2026, 1, 1, tzinfo=UTC),
                "2026-01-01",
            ),
            (str | None, {"type": ["string", "null"]}, None, 1),
            (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}, "a", "c"),
            (list[int], {"type": "array", "items": {"type": "integer"}}, [1, 2], [1, "2"]),
            (
                Annotated[int, "How many."],
                {"type": "integer", "description": "How many."},
                1,
                None,
            ),
            (
                Counts,
                {
                    "type": "object",
                    "properties": {"total": {"type": ["integer", "null"], "description": "All."}},
                    "required": ["total"],
                },
                {"total": 1},
                [],
            ),
        ],
    )
    def test_of_a_hint(self, hint, schema, good, bad):
        assert schema_of(hint) == schema
        assert fault_of(good, hint) == ""
        assert fault_of(bad, hint).startswith("data")

    def test_of_anything_else_is_refused(self):
        with pytest.raises(TypeError, match="cannot be a member"):
            schema_of(set)
