"""The parts of the sandbox by themselves; what it stops is in test_sandbox_escapes.py."""

from __future__ import annotations

import fcntl
import os
import platform
import struct
import termios

import pytest

from serving.documents import DocumentError, Node
from serving.sandbox import REQUIRED_LAYERS, Layer, SandboxLimits, SandboxPolicy, available
from serving.sandbox.landlock import handled
from serving.sandbox.seccomp import AUDIT_ARCH, build
from serving.sandbox.syscalls import DENIED, JUDGED, LAST_KNOWN

LIMITS = SandboxLimits(memory_bytes=512 * 1024**2, cpu_seconds=5, file_bytes=1_000)
POLICY = SandboxPolicy(LIMITS, ("/usr/lib",), ("/tmp/x",), True, REQUIRED_LAYERS)  # noqa: S108 - a name


class TestDocument:
    def test_is_read_as_it_was_written(self):
        assert SandboxPolicy.from_document(Node(POLICY.to_document())) == POLICY

    @pytest.mark.parametrize(
        "change",
        [
            {"limits": {**LIMITS.to_document(), "cpu_seconds": 0}},
            {"limits": {**LIMITS.to_document(), "memory_bytes": "1"}},
            {"limits": {**LIMITS.to_document(), "more": 1}},
            {"required": ["walls"]},
            {"readable": "/"},
            {"writable": [1]},
            {"folders": 1},
            {"more": 1},
        ],
    )
    def test_refuses_anything_else(self, change):
        with pytest.raises(DocumentError):
            SandboxPolicy.from_document(Node(POLICY.to_document() | change))


class TestAvailable:
    def test_says_of_each_layer_whether_the_kernel_has_it(self):
        assert {*available()} == {*Layer}

    def test_this_kernel_has_what_production_requires(self):
        assert [layer for layer in REQUIRED_LAYERS if not available()[layer]] == []


class TestRights:
    def test_each_kernel_is_asked_for_all_it_knows(self):
        assert [handled(abi) for abi in (2, 3, 4, 5, 99)] == [
            0x3FFF,
            0x7FFF,
            0x7FFF,
            0xFFFF,
            0xFFFF,
        ]


def run(program, number, *, architecture=None, argument=0, at_position=0):
    """What the filter answers: a small machine for the instructions that it uses."""
    architecture = AUDIT_ARCH[platform.machine()] if architecture is None else architecture
    arguments = [0] * 6
    arguments[at_position] = argument
    data = struct.pack("=IIQ6Q", number, architecture, 0, *arguments)
    instructions = [*struct.iter_unpack("=HBBI", program)]
    at, loaded = 0, 0
    while True:
        code, if_true, if_false, value = instructions[at]
        at += 1
        if code == 0x20:
            (loaded,) = struct.unpack_from("=I", data, value)
        elif code == 0x06:
            return value
        elif code == 0x54:
            loaded &= value
        else:
            holds = {0x15: loaded == value, 0x25: loaded > value, 0x45: bool(loaded & value)}[code]
            at += if_true if holds else if_false


ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
COLUMN = {"x86_64": 0, "aarch64": 1}[platform.machine()]


@pytest.fixture(scope="module")
def program():
    return build(AUDIT_ARCH[platform.machine()], own_id=4_711)


class TestFilter:
    @pytest.mark.parametrize("name", sorted(DENIED))
    def test_refuses_by_number(self, program, name):
        number = DENIED[name][COLUMN]
        if number is not None:
            assert run(program, number) == EPERM

    def test_has_no_number_twice(self):
        for column in (0, 1):
            numbers = [
                both[column] for both in (DENIED | JUDGED).values() if both[column] is not None
            ]
            assert len(numbers) == len(set(numbers))
            assert max(numbers) <= LAST_KNOWN

    @pytest.mark.parametrize(
        ("name", "argument", "answer"),
        [
            ("clone", 0x003D0F00, ALLOW),
            ("clone", 17, EPERM),
            ("clone", 0x10000000, EPERM),
            ("clone3", 0, ENOSYS),
            ("kill", 4_711, ALLOW),
            ("kill", 1, EPERM),
            ("kill", 2**64 - 1, EPERM),
            ("tgkill", 4_711, ALLOW),
            ("tgkill", 4_712, EPERM),
            ("prlimit64", 0, ALLOW),
            ("prlimit64", 1, EPERM),
            ("prctl", 15, ALLOW),
            ("prctl", 4, EPERM),
            ("prctl", 22, EPERM),
            ("openat2", 0, ENOSYS),
        ],
    )
    def test_judges_by_argument(self, program, name, argument, answer):
        assert run(program, JUDGED[name][COLUMN], argument=argument) == answer

    @pytest.mark.parametrize(
        ("name", "argument", "answer"),
        [
            ("fcntl", fcntl.F_SETFD, ALLOW),
            ("fcntl", fcntl.F_DUPFD_CLOEXEC, ALLOW),
            ("fcntl", fcntl.F_SETOWN, EPERM),
            ("fcntl", fcntl.F_SETSIG, EPERM),
            ("fcntl", fcntl.F_SETLEASE, EPERM),
            ("fcntl", fcntl.F_NOTIFY, EPERM),
            ("ioctl", termios.TCGETS, ALLOW),
            ("ioctl", termios.TIOCSTI, EPERM),
            ("ioctl", 0x8901, EPERM),  # FIOSETOWN
        ],
    )
    def test_judges_by_the_second_argument(self, program, name, argument, answer):
        assert run(program, JUDGED[name][COLUMN], argument=argument, at_position=1) == answer

    @pytest.mark.parametrize(
        ("flags", "answer"),
        [
            (os.O_RDONLY, ALLOW),
            (os.O_WRONLY | os.O_CREAT | os.O_TRUNC, ALLOW),
            (os.O_RDWR | os.O_TRUNC, ALLOW),
            (os.O_RDONLY | os.O_CLOEXEC | os.O_TRUNC, EPERM),
            (os.O_WRONLY | os.O_TMPFILE, EPERM),
            (os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, ALLOW),
        ],
    )
    def test_nothing_that_is_only_read_is_cut_and_no_file_lacks_a_name(
        self, program, flags, answer
    ):
        openat = JUDGED["openat"][COLUMN]
        assert run(program, openat, argument=flags, at_position=2) == answer

    def test_kills_for_another_architecture(self, program):
        assert run(program, 1, architecture=0x40000003) == KILL

    @pytest.mark.parametrize("number", [LAST_KNOWN + 1, 2**30, 2**30 + 59, 2**32 - 1])
    def test_lacks_what_is_newer_and_the_x32_set(self, program, number):
        assert run(program, number) == ENOSYS

    @pytest.mark.parametrize("name", ["read", "write", "mmap", "futex", "exit_group"])
    def test_allows_the_rest(self, program, name):
        numbers = {
            "read": (0, 63), "write": (1, 64), "mmap": (9, 222), "futex": (202, 98),
            "exit_group": (231, 94),
        }  # fmt: skip
        assert run(program, numbers[name][COLUMN]) == ALLOW

    def test_fits_into_the_kernel_s_bound(self, program):
        assert len(program) // 8 < 4_096
