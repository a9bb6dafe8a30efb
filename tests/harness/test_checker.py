"""The checker: all is well passes, and each thing that may go wrong does not."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from tests.harness import checker
from tests.harness.checker import Published
from tests.harness.receiver import Received

NOW = datetime.now(UTC).replace(microsecond=0)
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()


def event(number, *, object_id="job-1", name="batch_prediction.running"):
    return Published(
        id=f"{object_id}-{number}",
        type=name,
        object_type="batch_prediction",
        object_id=object_id,
        sequence=number,
        application_id="shop",
        is_public=False,
        created_at=NOW,
    )


def arrival(of, *, after=0.0, behaviour="ok", secret=SECRET):
    about = {"type": of.object_type, "id": of.object_id, "sequence": of.sequence}
    body = json.dumps({"type": of.type, "object": about})
    stamp = str(int(NOW.timestamp()))
    headers = {
        "webhook-id": of.id,
        "webhook-timestamp": stamp,
        "webhook-signature": Webhook(secret).sign(of.id, NOW, body),
    }
    return Received(NOW.timestamp() + after, "/ok/a", behaviour, headers, body)


ONE, TWO, THREE = event(1), event(2), event(3)
OF_ANOTHER = event(1, object_id="job-2")
ALL = [ONE, TWO, THREE, OF_ANOTHER]


class TestSignatures:
    def test_either_secret_of_an_overlap_is_good(self):
        checker.assert_signed([arrival(ONE), arrival(TWO, secret=OTHER)], [SECRET, OTHER])

    def test_another_secret_is_not(self):
        with pytest.raises(AssertionError, match="no good signature"):
            checker.assert_signed([arrival(ONE, secret=OTHER)], [SECRET])

    def test_one_that_arrives_late_is_not(self):
        checker.assert_signed([arrival(ONE, after=299.0)], [SECRET])
        with pytest.raises(AssertionError, match="no good signature"):
            checker.assert_signed([arrival(ONE, after=301.0)], [SECRET])

    def test_a_changed_body_is_not(self):
        changed = replace(arrival(ONE), body=arrival(TWO).body)

        with pytest.raises(AssertionError, match="no good signature"):
            checker.assert_signed([changed], [SECRET])


class TestNoneInvented:
    def test_what_was_published_may_arrive_twice(self):
        checker.assert_none_invented([arrival(ONE), arrival(ONE)], ALL)

    def test_an_unknown_id_is_invented(self):
        with pytest.raises(AssertionError, match="nobody published it"):
            checker.assert_none_invented([arrival(event(9))], ALL)

    def test_a_known_id_with_another_content_is_too(self):
        wrong = replace(arrival(ONE), body=arrival(TWO).body)

        with pytest.raises(AssertionError):
            checker.assert_none_invented([wrong], ALL)


class TestMissing:
    def test_what_was_only_refused_has_not_arrived(self):
        received = [arrival(ONE), arrival(TWO, behaviour="status:500"), arrival(THREE)]

        assert checker.missing(received, ALL) == [TWO, OF_ANOTHER]

    def test_an_endpoint_hears_of_its_application_and_of_what_is_public(self):
        assert ONE.is_for("shop", ["batch_prediction.*"])
        assert not ONE.is_for("bank", ["*"])
        assert not ONE.is_for("shop", ["api_key.*"])
        assert replace(ONE, is_public=True).is_for("bank", ["batch_prediction.running"])


class TestOrder:
    def test_repetitions_may_come_at_any_time(self):
        checker.assert_in_order([arrival(e) for e in (ONE, OF_ANOTHER, TWO, ONE, THREE, TWO)])

    def test_an_earlier_one_that_comes_first_later_is_out_of_order(self):
        with pytest.raises(AssertionError, match="came after"):
            checker.assert_in_order([arrival(ONE), arrival(THREE), arrival(TWO)])

    def test_the_next_one_waits_until_the_one_before_was_taken(self):
        refused = arrival(ONE, behaviour="status:500")

        checker.assert_taken_before_the_next([refused, arrival(ONE), arrival(TWO)])
        with pytest.raises(AssertionError, match="had not arrived"):
            checker.assert_taken_before_the_next([refused, arrival(TWO)])


def test_a_delay_counts_from_the_publication_to_the_first_arrival():
    received = [arrival(ONE, after=0.25), arrival(ONE, after=9), arrival(TWO, after=1)]

    assert checker.delays(received, ALL) == pytest.approx([0.25, 1.0], abs=0.001)


def test_a_told_secret_is_found():
    checker.assert_nothing_told([("log", "all is well")], [SECRET])

    with pytest.raises(AssertionError, match="log tells"):
        checker.assert_nothing_told([("log", f"signing with {SECRET}")], [SECRET])


def test_delays_do_not_count_what_nobody_published():
    assert checker.delays([arrival(event(9))], ALL) == []
