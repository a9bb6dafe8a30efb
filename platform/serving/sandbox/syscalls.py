"""System calls by name and architecture: those that a confined process is refused.

Numbers of Linux' arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import platform

MACHINES = ("x86_64", "aarch64")
LAST_KNOWN = 450
"""set_mempolicy_home_node, the last call of Linux 6.1 and the same on both machines. A newer
one is answered as if the kernel lacked it: C libraries fall back, and nobody here has judged
it. x86's second set of calls (x32) counts from 2**30, so it is refused by the same line."""

# by name: the number on x86_64 and on aarch64; None where there is no such call
NETWORK = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
}  # fmt: skip
"""No socket of any kind, so no address to reach or to listen at."""
PROCESSES = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "tkill": (200, 130),
    "setsid": (112, 157), "setpgid": (109, 154), "setpriority": (141, 140),
    "ioprio_set": (251, 30), "sched_setaffinity": (203, 122), "sched_setattr": (314, 274),
    "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}  # fmt: skip
"""No second process, no other program, no hand on another process. clone, kill and their
like are judged by their arguments, in seccomp.py."""
IDENTITY = {
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setfsuid": (122, 151),
    "setfsgid": (123, 152), "setgroups": (116, 159), "capset": (126, 91),
    "personality": (135, 92),
}  # fmt: skip
NAMESPACES = {
    "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51), "pivot_root": (155, 41),
    "mount": (165, 40), "umount2": (166, 39), "mount_setattr": (442, 442),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263), "inotify_init": (253, None), "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27), "mknod": (133, None), "mknodat": (259, 33),
}  # fmt: skip
"""No other view of the files, and no way round Landlock to them."""
ATTRIBUTES = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "utime": (132, None),
    "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "truncate": (76, 45),
}  # fmt: skip
"""Landlock does not watch these (its documentation, "Filesystem flags"; truncate only since Linux
6.2): a file outside could be made unreadable, or look older than it is."""
MEMORY = {
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "shmat": (30, 196), "shmctl": (31, 195), "msgget": (68, 186), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "msgctl": (71, 187), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "mq_open": (240, 180),
    "mq_unlink": (241, 181), "mq_notify": (244, 184),
}  # fmt: skip
"""Memory that no rlimit counts, and what System V shares among all processes of a user."""
KERNEL = {
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_setup": (206, 0), "io_submit": (209, 2), "io_destroy": (207, 1), "io_cancel": (210, 3),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "seccomp": (317, 277),
    "vmsplice": (278, 75), "splice": (275, 76), "tee": (276, 77), "modify_ldt": (154, None),
    "ioperm": (173, None), "iopl": (172, None), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "reboot": (169, 142), "syslog": (103, 116), "acct": (163, 89),
    "swapon": (167, 224), "swapoff": (168, 225), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "lookup_dcookie": (212, 18), "sysfs": (139, None), "uselib": (134, None),
    "ustat": (136, None), "_sysctl": (156, None), "nfsservctl": (180, 42), "vhangup": (153, 58),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162),
}  # fmt: skip
"""Doors to large parts of the kernel that no model needs."""
JUDGED = {
    "clone": (56, 220), "clone3": (435, 435), "kill": (62, 129), "tgkill": (234, 131),
    "prctl": (157, 167), "prlimit64": (302, 261), "fcntl": (72, 25), "ioctl": (16, 29),
    "open": (2, None), "openat": (257, 56), "openat2": (437, 437),
}  # fmt: skip
"""Allowed or not by their arguments."""
DENIED = NETWORK | PROCESSES | IDENTITY | NAMESPACES | ATTRIBUTES | MEMORY | KERNEL


def machine() -> str | None:
    """This computer's architecture, when its calls are known here."""
    name = platform.machine()
    return name if name in MACHINES and platform.system() == "Linux" else None


def number_of(name: str) -> int | None:
    """The number of a call on this machine; None for one that it lacks."""
    known = machine()
    if known is None:
        return None
    return (DENIED | JUDGED)[name][MACHINES.index(known)]


def denied() -> list[int]:
    """The numbers that are refused on this machine."""
    numbers = (number_of(name) for name in DENIED)
    return sorted(number for number in numbers if number is not None)
