"""Everything that a model might try, really tried, in a process that has confined itself."""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving.sandbox import REQUIRED_LAYERS, SandboxLimits, available
from serving.validation.children import ChildPlan, policy_of

HERE = Path(__file__).parent
SOURCE_ROOT = HERE.parents[1] / "platform"
MEBIBYTE = 1024**2
LIMITS = SandboxLimits(memory_bytes=1024 * MEBIBYTE, cpu_seconds=5, file_bytes=1_000)
REFUSED = {"EPERM", "EACCES", "EXDEV"}  # the last is Landlock's word for links across its borders
WORKS = {
    "start a thread",
    "write its outputs",
    "read its inputs",
    "read its own status",
    "signal itself",
    "read chance",
    "map memory to run",
}
UNKNOWN_CALLS = {"clone3", "a call that is newer than the list", "a call of the x32 set"}
NOT_ON_ARM = {"fork, raw", "vfork", "a call of the x32 set"}
REAL = (
    "read /etc/passwd",
    "read a secret",
    "list the root",
    "read another process's environment",
    "write outside",
    "link a file in",
    "make a symbolic link",
    "make a pipe",
    "make a file without a name",
    "make a folder",
    "remove what it wrote",
    "move what it wrote",
    "cut what it may read",
    "have others wait for a file",
    "have others signalled by a pipe",
    "change the mode of a file",
    "change the times of a file",
    "connect to a TCP port",
    "listen at a TCP port",
    "connect to a UNIX socket",
    "listen at a UNIX socket",
    "make a pair of sockets",
    "fork",
    "clone a process",
    "posix_spawn",
    "os.system",
    "subprocess",
    "memory in a file",
    "signal a process",
    "signal the parent",
    "open a process",
    "limit a process",
    "shared memory",
    "be dumpable again",
    "outlive the parent",
)
"""Attempts that succeed in any ordinary process: so it is the sandbox that stops them."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """What a child is given, and beside it what it must not touch."""
    root = tmp_path_factory.mktemp("sandbox")
    for name in ("work/in", "work/out", "second/in", "second/out", "free/in", "free/out", "state"):
        (root / name).mkdir(parents=True)
    (root / "state" / "secret").write_text("the signing key")
    for name in ("work", "second", "free"):
        (root / name / "in" / "upload.keras").write_text("an upload")
    return root


@pytest.fixture(scope="module")
def victim():
    """A process of the same user."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        assert process.poll() is None, "it was reached"
        process.kill()


def policy(directory, stage="examine", **changes):
    plan = ChildPlan(stage, directory, LIMITS, frozenset(), 0, {})
    return {**policy_of(plan).to_document(), **changes}


def run(directory, aim):
    return subprocess.run(
        [sys.executable, "-I", "-B", str(HERE / "probe.py"), str(SOURCE_ROOT), json.dumps(aim)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=directory / "out",
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def attempts(directory, victim):
    """Run the probe with a policy or free: attempts(policy, names) to outcomes by name."""
    address = str(directory / "state" / "socket")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(address)
        unix.listen()

        def attempts(place, policy, only=None):
            aim = {
                "policy": policy,
                "only": only,
                "out": str(place / "out"),
                "input": str(place / "in" / "upload.keras"),
                "secret": str(directory / "state" / "secret"),
                "victim": victim.pid,
                "port": tcp.getsockname()[1],
                "socket": address,
            }
            done = run(place, aim)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        yield attempts


@pytest.fixture(scope="module")
def confined(directory, attempts):
    return attempts(directory / "work", policy(directory / "work"))


@pytest.fixture(scope="module")
def free(directory, attempts):
    return attempts(directory / "free", None, REAL)


class TestAttempts:
    def test_all_layers_hold_that_the_kernel_has(self, confined):
        assert confined["layers"] == {layer.value: holds for layer, holds in available().items()}
        assert all(confined["layers"][layer] for layer in REQUIRED_LAYERS)

    def test_everything_is_refused(self, confined):
        outcomes = {name: how for name, how in confined.items() if name not in WORKS | {"layers"}}
        lacking = {name for name, how in outcomes.items() if how == "ENOSYS"}
        got_through = {name: how for name, how in outcomes.items() if how not in REFUSED}
        assert got_through == dict.fromkeys(lacking, "ENOSYS")
        assert len(outcomes) > 75

    def test_only_calls_nobody_knows_are_answered_as_lacking(self, confined):
        lacking = {name for name, how in confined.items() if how == "ENOSYS"}
        on_arm = NOT_ON_ARM if platform.machine() == "aarch64" else set()
        assert lacking == UNKNOWN_CALLS | on_arm

    @pytest.mark.parametrize("name", sorted(WORKS))
    def test_what_a_model_needs_works(self, confined, name):
        assert confined[name] == "done"

    def test_the_second_child_may_make_folders_besides(self, directory, attempts):
        """Its converter does; it has never seen the upload."""
        place = directory / "second"
        tried = ("make a folder", "remove what it wrote", "move what it wrote")
        outcomes = attempts(place, policy(place, "rebuild"), (*tried, "make a file without a name"))
        assert [outcomes[name] for name in tried] == ["done"] * 3
        assert outcomes["make a file without a name"] == "EPERM"
        assert (place / "out" / "a" / "after").exists()

    @pytest.mark.parametrize("name", REAL)
    def test_it_is_the_sandbox_that_stops_it(self, confined, free, name):
        assert (free[name], confined[name] in REFUSED) == ("done", True)

    def test_nothing_outside_has_changed(self, directory, confined, victim):
        secret = directory / "state" / "secret"
        assert secret.read_text() == "the signing key"
        assert {path.name for path in (directory / "state").iterdir()} - {"new"} >= {"secret"}
        assert {path.name for path in (directory / "work" / "out").iterdir()} == {
            *("file", "before", "discarded")
        }
        assert (directory / "work" / "in" / "upload.keras").read_text() == "an upload"
        assert victim.poll() is None


class TestLimits:
    """What ends the process, or the call, each in a process of its own."""

    def code(self, directory, code):
        place = directory / "work"
        return run(place, {"policy": policy(place), "code": code, "out": str(place / "out")})

    def test_memory(self, directory):
        assert "MemoryError" in self.code(directory, f"bytearray(2 * 1024 * {MEBIBYTE})").stderr

    def test_memory_in_small_pieces(self, directory):
        code = f"kept = []\nwhile True: kept.append(bytearray({MEBIBYTE}))"
        assert "MemoryError" in self.code(directory, code).stderr

    def test_processor_time(self, directory, tmp_path):
        place = directory / "work"
        limits = {"memory_bytes": 1024 * MEBIBYTE, "cpu_seconds": 1, "file_bytes": 1_000}
        started = time.monotonic()
        done = run(place, {"policy": policy(place, limits=limits), "code": "while True: pass"})
        assert done.returncode in {-signal.SIGXCPU, -signal.SIGKILL}
        assert time.monotonic() - started < 30

    def test_a_file(self, directory):
        code = "with open(aim['out'] + '/big', 'wb') as big: big.write(b'x' * 2000)"
        assert "File too large" in self.code(directory, code).stderr
        assert (directory / "work" / "out" / "big").stat().st_size <= LIMITS.file_bytes
        (directory / "work" / "out" / "big").unlink()

    def test_open_files(self, directory):
        code = "kept = [open('/dev/null') for _ in range(200)]"
        assert "Too many open files" in self.code(directory, code).stderr

    def test_none_can_be_lifted(self, directory):
        code = (
            "for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE):\n"
            "    soft, hard = resource.getrlimit(kind)\n"
            "    try: resource.setrlimit(kind, (hard + 1, hard + 1))\n"
            "    except (OSError, ValueError): print('refused')"
        )
        assert self.code(directory, code).stdout.split() == ["refused"] * 3

    def test_core_dumps_and_tracers(self, directory):
        code = "print(resource.getrlimit(resource.RLIMIT_CORE)[1], libc.prctl(3, 0, 0, 0, 0))"
        assert self.code(directory, code).stdout.split() == ["0", "0"]

    def test_root_s_powers(self, directory):
        code = "print([l.split()[1] for l in open('/proc/self/status') if l[:6] == 'CapEff'][0])"
        kept = 1 << 2 if os.geteuid() == 0 else 0  # CAP_DAC_READ_SEARCH
        assert int(self.code(directory, code).stdout, 16) & ~kept == 0

    def test_it_holds_for_threads_too(self, directory):
        code = (
            "seen = []\n"
            "def other(): seen.append(outcome(os.fork)); seen.append(outcome(socket.socket))\n"
            "one = threading.Thread(target=other); one.start(); one.join(); print(*seen)"
        )
        assert self.code(directory, code).stdout.split() == ["EPERM", "EPERM"]

    @pytest.mark.skipif(platform.machine() != "x86_64", reason="32-bit calls are x86's")
    def test_a_call_by_the_32_bit_door_kills(self, directory):
        code = (
            "page = mmap.mmap(-1, 4096, prot=7)\n"
            "page.write(bytes.fromhex('b814000000cd80c3'))  # mov eax, 20; int 0x80; ret\n"
            "address = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
            "print(ctypes.CFUNCTYPE(ctypes.c_int)(address)())"
        )
        done = self.code(directory, code)
        # SIGSEGV: a kernel without that door
        assert (done.stdout, done.returncode in {-signal.SIGSYS, -signal.SIGSEGV}) == ("", True)

    def test_it_dies_with_its_parent(self, directory, tmp_path):
        """A parent starts a confined child that sleeps, and is killed."""
        place = directory / "work"
        aim = {"policy": policy(place), "code": "print(os.getpid(), flush=True)\nimport time\n"
               "time.sleep(60)"}  # fmt: skip
        command = [sys.executable, "-I", "-B", str(HERE / "probe.py"), str(SOURCE_ROOT)]
        parent = (
            "import subprocess, sys, json\n"
            f"p = subprocess.Popen({[*command, json.dumps(aim)]!r}, stdout=subprocess.PIPE)\n"
            "print(p.stdout.readline().decode().strip(), flush=True)\np.wait()"
        )
        with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
            child = int(process.stdout.readline())
            process.kill()
        for _ in range(100):
            if not _is_running(child):
                return
            time.sleep(0.05)
        pytest.fail("it lives on")


def _is_running(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
