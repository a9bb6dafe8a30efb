"""Receivers that hang, drip, redirect, flood: nobody else's deliveries wait for them."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.processes, pytest.mark.faults, pytest.mark.timeout(300)]

# Name -> (how it behaves, what its tries must have failed with).
HOSTILE = {
    "hanging": ("hang", {"timed_out"}),
    "dripping": ("drip", {"timed_out"}),
    "endless": ("headers", {"too_large"}),
    "circling": ("redirect", {"redirected"}),
    "leading-astray": ("redirect:ok-astray", {"redirected"}),
    "flooding": ("huge-error", {"status"}),
    "cutting": ("cut", {"connect_failed", "bad_response"}),
    "gibberish": ("garbage", {"bad_response"}),
    "refusing": ("status:500", {"status"}),
    "overloaded": ("busy:2", {"status"}),
}
FLOOD_TAKEN = (
    5_000_000  # bytes of 10 GB that may leave the receiver, most of it for the kernel's buffers
)
EVENTS = 80  # that the good receiver has heard of before the work ends
WORK_SECONDS = 60.0
AT_MOST = 6.0  # seconds from publication to arrival at a good receiver, on a busy machine
USUALLY = 2.0


def test_a_good_receiver_hears_in_time_whatever_the_others_do(scene):
    scene.listen("good", "ok")
    scene.listen("picky", "ok", "api_key.*")
    scene.listen("pouring", "huge")
    for name, (behaviour, _) in HOSTILE.items():
        scene.listen(name, behaviour)
    scene.listen_without_trust("untrusted")
    scene.listen_at_a_deaf_port("deaf")

    with scene.traffic() as traffic:
        _wait_for_work(scene, "good")
        traffic.stop()
        scene.wait_quiet("good", "picky")

        scene.judge(traffic, "good", "picky")
        scene.judge_delays("good", at_most=AT_MOST, usually=USUALLY)
        scene.judge_delays("picky", at_most=AT_MOST, usually=USUALLY)
    _prove_hostility(scene)


def _wait_for_work(scene, name):
    """So long that the slowest of the hostile ones have been met several times."""
    enough = scene.platform.wait_until(
        lambda: len(scene.received(name)) >= EVENTS, seconds=WORK_SECONDS
    )
    assert enough, f"only {len(scene.received(name))} events: the traffic is too thin"


def _prove_hostility(scene):
    """Each was met, behaved as it was told to, and was taken for what it is."""
    for name, (_, codes) in HOSTILE.items():
        assert scene.received(name), f"{name} was never called"
        assert scene.errors(name), f"no try at {name} has ended"
        assert scene.errors(name) <= codes, f"{name}: {scene.errors(name)}"
    assert scene.errors("untrusted") == {"tls_failed"}
    assert scene.received("untrusted") == []
    assert scene.errors("deaf") in ({"timed_out"}, {"connect_failed"})
    assert scene.receiver.received("ok/astray") == [], "a redirect was followed"
    for name in ("pouring", "flooding"):
        ended = scene.receiver.answers(scene.endpoints[name].path)
        assert ended, f"{name} still pours"
        assert max(answer["sent"] for answer in ended) < FLOOD_TAKEN
