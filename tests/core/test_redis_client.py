import multiprocessing
import re
import socket
import threading
import time
from contextlib import suppress

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from core.redis_client import Breaker, Script, limits_client

ECHO = Script("return {KEYS[1], ARGV[1]}")


def _ask_in_child(results):
    results.put((limits_client().ping(), ECHO(["k"], [1])))


class TestLimitsClient:
    def test_is_one_for_a_process(self):
        assert limits_client() is limits_client()

    def test_does_not_wait_for_a_dead_server(self, settings):
        settings.REDIS_LIMITS_URL = "redis://127.0.0.1:1/1"
        started = time.perf_counter()

        with pytest.raises(RedisConnectionError):
            limits_client().ping()

        assert time.perf_counter() - started < 2 * settings.REDIS_TIMEOUT

    def test_does_not_wait_for_a_silent_server(self, settings):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            settings.REDIS_LIMITS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/1"
            started = time.perf_counter()

            with pytest.raises(RedisError):
                limits_client().ping()

            assert time.perf_counter() - started < 3 * settings.REDIS_TIMEOUT

    @pytest.mark.filterwarnings(
        "ignore::DeprecationWarning"
    )  # forking a process with threads, on purpose
    def test_a_fork_has_connections_of_its_own(self):
        ECHO(["k"], [0])
        context = multiprocessing.get_context("fork")
        results = context.Queue()
        child = context.Process(target=_ask_in_child, args=(results,))
        child.start()

        answers = [ECHO(["k"], [n])[1] for n in range(20)]

        assert answers == [str(n).encode() for n in range(20)]
        assert results.get(timeout=10) == (True, [b"k", b"1"])
        child.join(10)


class TestScript:
    def test_threads_that_come_and_go_leave_no_connection_behind(self):
        before = len(limits_client().client_list())
        failures = []

        def ask():
            try:
                ECHO(["key"], [7])
            except RedisError as error:
                failures.append(error)

        for _ in range(2 * limits_client().connection_pool.max_connections):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()

        assert failures == []
        assert len(limits_client().client_list()) <= before + 3

    def test_runs_with_keys_and_arguments(self):
        assert ECHO(["key"], [7]) == [b"key", b"7"]

    def test_threads_do_not_mix_their_answers(self):
        mixed = []

        def ask(number):
            answers = [ECHO([str(number)], [number]) for _ in range(50)]
            mixed.extend(a for a in answers if a != [str(number).encode()] * 2)

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert mixed == []

    def test_a_script_that_fails_leaves_the_connection_usable(self):
        broken = Script("return redis.call('NOPE')")

        with pytest.raises(ResponseError):
            broken([], [])
        with pytest.raises(ResponseError):
            broken([], [])

    def test_an_answer_that_came_too_late_is_not_taken_for_the_next(self, settings):
        with socket.create_server(("127.0.0.1", 0)) as server:
            answers = iter([(2 * settings.REDIS_TIMEOUT, b"late"), (0, b"fresh")])
            threading.Thread(target=_serve, args=(server, answers), daemon=True).start()
            settings.REDIS_LIMITS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/1"
            script = Script("return {ARGV[1]}")

            with pytest.raises(RedisTimeoutError):
                script([], [1])
            time.sleep(2 * settings.REDIS_TIMEOUT)

            assert script([], [2]) == [b"fresh"]


def _serve(server, answers):
    """Just enough of Redis: OK to everything, to scripts the next answer, after its wait."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection, answers), daemon=True).start()


def _answer(connection, answers):
    with connection, suppress(OSError):
        while data := connection.recv(65_536):
            if b"EVAL" in data:
                wait, word = next(answers)
                time.sleep(wait)
                connection.sendall(b"*1\r\n$%d\r\n%s\r\n" % (len(word), word))
            else:
                connection.sendall(b"+OK\r\n" * len(re.findall(rb"\*[0-9]+\r\n", data)))


class TestBreaker:
    def test_is_closed_until_something_fails(self):
        assert Breaker(1).allows(now=0)

    def test_lets_nobody_through_during_the_pause(self):
        breaker = Breaker(2)
        breaker.failed(now=10)

        assert [breaker.allows(now=t) for t in (10, 11, 11.9)] == [False] * 3
        assert breaker.wait(now=10.5) == 2

    def test_lets_one_try_after_it_and_the_others_wait(self):
        breaker = Breaker(2)
        breaker.failed(now=10)

        assert [breaker.allows(now=12.1) for _ in range(3)] == [True, False, False]

    def test_opens_for_all_when_the_try_succeeds(self):
        breaker = Breaker(2)
        breaker.failed(now=10)
        breaker.allows(now=12.1)
        breaker.succeeded()

        assert [breaker.allows(now=12.2) for _ in range(3)] == [True] * 3

    def test_asks_for_a_second_at_least(self):
        assert Breaker(0.01).wait(now=100) == 1
