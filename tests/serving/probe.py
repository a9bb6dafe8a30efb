"""A program that tries to get out: run confined, and free, to see that what it tries is real.

    python -I -B probe.py SOURCE_ROOT JSON

JSON names the policy (null: stay free) and what to aim at. It prints {attempt: outcome}, where an
outcome is "done" or the name of the error. Nothing that it does harms anybody when it succeeds.
"""

# It tries bare calls, and tells its parent how they end:
# ruff: noqa: PTH101, PTH102, PTH103, PTH104, PTH107, PTH120, PTH123, PTH208, PTH211, S102, S605, S606, S607, T201
import ctypes
import errno
import fcntl
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading

X86 = os.uname().machine == "x86_64"
CLONE_NEWUSER, CLONE_VM, CLONE_THREAD = 0x10000000, 0x100, 0x10000
libc = ctypes.CDLL(None, use_errno=True)


def call(on_x86, on_arm, *arguments):
    """A raw system call; None for a call that the machine lacks, which counts as refused."""
    number = on_x86 if X86 else on_arm
    if number is None:
        raise OSError(errno.ENOSYS, "no such call")
    values = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    answer = libc.syscall(ctypes.c_long(number), *values)
    if answer < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return answer


def fork(number_of_call):
    child = number_of_call()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def thread():
    seen = []
    one = threading.Thread(target=seen.append, args=(1,))
    one.start()
    one.join()
    assert seen == [1]


def connect(family, address):
    with socket.socket(family) as one:
        one.connect(address)


def listen():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()


def unix_listen(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)


def memfd():
    descriptor = os.memfd_create("x")
    with open("/bin/true", "rb") as program:
        os.write(descriptor, program.read())
    pid = os.fork()
    if pid == 0:
        os.execv(f"/proc/self/fd/{descriptor}", ["true"])


def system():
    if os.system("true") != 0:
        raise PermissionError(errno.EPERM, "no shell")


def lease(path):
    with open(path) as file:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)


def own(pid):
    for descriptor in os.pipe():
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, pid)


def iov():
    """struct iovec of one byte of our own, for process_vm_readv."""
    kept = ctypes.create_string_buffer(16)
    return (ctypes.c_void_p * 2)(ctypes.addressof(kept), 1)


def attempts(aim):
    out, secret, victim = aim["out"], aim["secret"], aim["victim"]
    folder = os.path.dirname(secret)
    return {
        # files
        "read /etc/passwd": lambda: open("/etc/passwd").read(),
        "read a secret": lambda: open(secret).read(),
        "list the root": lambda: os.listdir("/"),
        "list a folder outside": lambda: os.listdir(folder),
        "read another process's environment": lambda: open(f"/proc/{victim}/environ").read(),
        "read another process's command line": lambda: open(f"/proc/{victim}/cmdline").read(),
        "write outside": lambda: open(f"{folder}/new", "w").close(),
        "write to an existing file": lambda: open(secret, "r+").close(),
        "cut a file": lambda: os.truncate(secret, 50),
        "cut what it may read": lambda: os.close(os.open(aim["input"], os.O_TRUNC)),
        "have others wait for a file": lambda: lease(aim["input"]),
        "have others signalled by a pipe": lambda: own(victim),
        "remove a file": lambda: os.rename(secret, secret),
        "make a folder outside": lambda: tempfile.mkdtemp(dir=folder),
        "write its inputs": lambda: open(aim["input"], "r+").close(),
        "link a file in": lambda: os.link(secret, f"{out}/hard"),
        "make a symbolic link": lambda: os.symlink(secret, f"{out}/soft"),
        "make a pipe": lambda: os.mkfifo(f"{out}/pipe"),
        "make a file without a name": lambda: os.close(os.open(out, os.O_TMPFILE | os.O_RDWR)),
        "make a folder": lambda: os.mkdir(f"{out}/folder"),
        "remove what it wrote": lambda: discard(out),
        "move what it wrote": lambda: move(out),
        "make a device": lambda: os.mknod(f"{out}/null", 0o20666, os.makedev(1, 3)),
        "change the mode of a file": lambda: os.chmod(secret, 0o600),
        "change the times of a file": lambda: os.utime(secret),
        "change the owner of a file": lambda: os.chown(secret, os.getuid(), os.getgid()),
        "set an attribute of a file": lambda: os.setxattr(secret, "user.a", b"b"),
        "watch a folder": lambda: call(294, 26, 0),
        "open by handle": lambda: call(303, 264, -100, b"/etc", 0, 0, 0),
        # network
        "make a TCP socket": socket.socket,
        "connect to a TCP port": lambda: connect(socket.AF_INET, ("127.0.0.1", aim["port"])),
        "listen at a TCP port": listen,
        "make a UDP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "make a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
        "connect to a UNIX socket": lambda: connect(socket.AF_UNIX, aim["socket"]),
        "listen at a UNIX socket": lambda: unix_listen(f"{out}/socket"),
        "listen at an abstract socket": lambda: unix_listen(f"\0probe-{os.getpid()}"),
        "make a pair of sockets": socket.socketpair,
        "make a netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
        # processes
        "fork": lambda: fork(os.fork),
        "fork, raw": lambda: fork(lambda: call(57, None)),
        "vfork": lambda: call(58, None),
        "clone a process": lambda: fork(lambda: call(56, 220, signal.SIGCHLD, 0, 0, 0, 0)),
        "clone a user namespace": lambda: call(56, 220, CLONE_NEWUSER, 0, 0, 0, 0),
        "clone with shared memory": lambda: call(56, 220, CLONE_VM, 0, 0, 0, 0),
        "clone3": lambda: call(435, 435, 0, 0),
        "posix_spawn": lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
        "os.system": system,
        "subprocess": lambda: subprocess.run(["/bin/true"], check=True),
        "execve": lambda: os.execv("/bin/true", ["true"]),
        "execveat": lambda: call(322, 281, -100, b"/bin/true", 0, 0, 0),
        "a program in memory": memfd,
        "memory in a file": lambda: os.memfd_create("x"),
        "setsid": os.setsid,
        "setpgid": lambda: os.setpgid(0, 0),
        "trace a process": lambda: call(101, 117, 16, victim, 0, 0),
        "read another process's memory": lambda: call(310, 270, victim, iov(), 1, iov(), 1, 0),
        "write another process's memory": lambda: call(311, 271, victim, iov(), 1, iov(), 1, 0),
        "signal a process": lambda: os.kill(victim, 0),
        "signal the parent": lambda: os.kill(os.getppid(), 0),
        "signal everybody": lambda: os.kill(-1, 0),
        "signal a thread of a process": lambda: call(234, 131, victim, victim, 0),
        "tkill": lambda: call(200, 130, victim, 0),
        "queue a signal": lambda: call(129, 138, victim, 0, 0),
        "open a process": lambda: os.pidfd_open(victim),
        "slow a process down": lambda: os.setpriority(os.PRIO_PROCESS, victim, 19),
        "pin a process": lambda: os.sched_setaffinity(victim, os.sched_getaffinity(0)),
        "limit a process": lambda: resource.prlimit(victim, resource.RLIMIT_CORE, (0, 0)),
        # the kernel
        "io_uring": lambda: call(425, 425, 1, ctypes.create_string_buffer(256)),
        "bpf": lambda: call(321, 280, 0, 0, 0),
        "perf_event_open": lambda: call(298, 241, 0, 0, 0, 0, 0),
        "userfaultfd": lambda: call(323, 282, 0),
        "keyctl": lambda: call(250, 219, 0, -3, 0),
        "add a key": lambda: call(248, 217, b"user", b"probe", b"x", 1, -2),
        "unshare": lambda: call(272, 97, CLONE_NEWUSER),
        "setns": lambda: call(308, 268, 0, 0),
        "mount": lambda: call(165, 40, b"none", out.encode(), b"tmpfs", 0, 0),
        "chroot": lambda: os.chroot(out),
        "load a module": lambda: call(313, 273, 0, b"", 0),
        "shared memory": lambda: call(29, 194, 0, 4096, 0o1600),
        "remove others' semaphores": lambda: call(66, 191, 2**30, 0, 0),
        "personality": lambda: call(135, 92, 0x0040000),
        "asynchronous input": lambda: call(206, 0, 1, ctypes.create_string_buffer(8)),
        "be dumpable again": lambda: prctl(4, 1),
        "outlive the parent": lambda: prctl(1, 0),
        "allow a tracer": lambda: prctl(0x59616D61, victim),
        "a filter of one's own": lambda: call(317, 277, 1, 0, 0),
        "become another user": lambda: call(105, 146, os.getuid()),
        "a call that is newer than the list": lambda: call(454, 454, 0, 0, 0, 0),
        "a call of the x32 set": lambda: call(0x40000000 + 39, None),
        # what must work
        "start a thread": thread,
        "write its outputs": lambda: open(f"{out}/file", "w").write("x"),
        "read its inputs": lambda: open(aim["input"]).read(),
        "read its own status": lambda: open("/proc/self/status").read(),
        "signal itself": lambda: os.kill(os.getpid(), 0),
        "read chance": lambda: open("/dev/urandom", "rb").read(1),
        "map memory to run": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    }


def prctl(option, value):
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "refused")


def discard(out):
    open(f"{out}/discarded", "w").close()
    os.remove(f"{out}/discarded")


def move(out):
    open(f"{out}/before", "w").close()
    os.makedirs(f"{out}/a", exist_ok=True)
    os.rename(f"{out}/before", f"{out}/a/after")


def outcome(attempt):
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
    except subprocess.CalledProcessError:
        return "EPERM"
    return "done"


def main(source_root, text):
    sys.path.insert(0, source_root)
    from serving.documents import Node
    from serving.sandbox import SandboxPolicy, apply

    aim = json.loads(text)
    active = {}
    if aim["policy"] is not None:
        active = apply(SandboxPolicy.from_document(Node(aim["policy"])))
    if aim.get("code"):
        exec(aim["code"], {**globals(), "active": active, "aim": aim})
        return
    tried = attempts(aim)
    names = tried if aim["only"] is None else aim["only"]
    print(json.dumps({"layers": active} | {name: outcome(tried[name]) for name in names}))


if __name__ == "__main__":
    main(*sys.argv[1:])
