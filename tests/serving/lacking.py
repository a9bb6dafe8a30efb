"""Start a program on a kernel that seems to lack one system call: lacking.py NUMBER PROGRAM ...

A filter answers the call with ENOSYS, as an older kernel would; everything else is as it was.
"""

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, LACKING = 0x7FFF0000, 0x00050026


def main(number, *command):
    program = b"".join(
        struct.pack("=HBBI", *step)
        for step in (
            (LOAD, 0, 0, 0),
            (IF_EQUAL, 0, 1, int(number)),
            (RETURN, 0, 0, LACKING),
            (RETURN, 0, 0, ALLOW),
        )
    )
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, MODE_FILTER, head, 0, 0) == 0
    os.execv(command[0], command)  # noqa: S606 - that is what it is for


if __name__ == "__main__":
    main(*sys.argv[1:])
