from __future__ import annotations

import pytest

from serving.handle import CountedServable, ServableHandle
from serving.ids import ServableId
from serving.loaders.function import FunctionServable


@pytest.fixture
def drained():
    return []


@pytest.fixture
def counted(drained):
    servable = FunctionServable(lambda tensors: tensors)
    return CountedServable(ServableId("a", 1), servable, lambda: drained.append(True))


def hold(counted):
    assert counted.acquire()
    return ServableHandle(counted)


class TestServableHandle:
    def test_counts_while_it_is_held(self, counted):
        with hold(counted) as handle:
            assert (counted.count, handle.servable_id, handle.engine) == (1, ("a", 1), "function")
        assert counted.count == 0

    def test_lets_go_when_its_body_raises(self, counted):
        with pytest.raises(KeyError), hold(counted):
            raise KeyError
        assert counted.count == 0

    def test_letting_go_twice_counts_once(self, counted):
        other = hold(counted)
        with hold(counted) as handle:
            handle.release()
        assert counted.count == 1
        other.release()

    def test_a_dropped_handle_lets_go(self, counted):
        handle = hold(counted)
        del handle
        assert counted.count == 0


class TestCountedServable:
    def test_lets_nobody_in_once_it_is_closed(self, counted):
        counted.close()
        assert counted.acquire() is False
        assert counted.count == 0

    def test_says_when_the_last_one_leaves(self, counted, drained):
        first, second = hold(counted), hold(counted)
        counted.close()
        first.release()
        assert drained == []
        second.release()
        assert drained == [True]

    def test_is_silent_while_it_is_open(self, counted, drained):
        hold(counted).release()
        assert drained == []

    def test_closes_only_when_idle(self, counted):
        with hold(counted):
            assert counted.close_if_idle() is False
            assert counted.acquire() is True
            counted.release()
        assert counted.close_if_idle() is True
        assert counted.acquire() is False

    def test_may_be_opened_again(self, counted):
        counted.close()
        counted.reopen()
        assert counted.acquire() is True
