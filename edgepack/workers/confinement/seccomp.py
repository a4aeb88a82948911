"""System calls that a process gives up for good (Linux's seccomp filters): no root and no namespace is needed for it.

Taken away are sockets of every kind, other processes (starting, signalling, tracing and reading them), a file's mode, owner,
times and attributes, memory that no limit counts, and what a kernel newer than this list may have added.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SET_SECCOMP, _FILTER, _SET_NO_NEW_PRIVS = 22, 2, 38  # prctl's

# Classic BPF (linux/filter.h): load a word, compare, test bits, return.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # in struct seccomp_data; the lower half of a little-endian argument
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000

# Names, and how x86-64 and 64-bit Arm number them (asm/unistd.h of both; "-" where there is no such call).
_FORBIDDEN = """
# Sockets, and calls that can be made without calling
socket 41 198, socketpair 53 199, io_uring_setup 425 425
# Other processes: starting, tracing, reading and signalling them
fork 57 -, vfork 58 -, execve 59 221, execveat 322 281, ptrace 101 117, process_vm_readv 310 270,
process_vm_writev 311 271, process_madvise 440 440, process_mrelease 448 448, pidfd_open 434 434,
pidfd_getfd 438 438, pidfd_send_signal 424 424, tkill 200 130, rt_sigqueueinfo 129 138,
rt_tgsigqueueinfo 297 240, unshare 272 97, setns 308 268, setpriority 141 140, ioprio_set 251 30,
sched_setscheduler 144 119, sched_setparam 142 118, sched_setattr 314 274, migrate_pages 256 238,
move_pages 279 239
# What of a file Landlock does not guard
chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, chown 92 -, fchown 93 55, lchown 94 -,
fchownat 260 54, utime 132 -, utimes 235 -, futimesat 261 -, utimensat 280 88, setxattr 188 5, lsetxattr 189 6,
fsetxattr 190 7, removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16, mount 165 40, umount2 166 39
# Memory that no limit counts
memfd_create 319 279, memfd_secret 447 447, shmget 29 194, msgget 68 186, semget 64 190, mq_open 240 180
# The kernel's own
keyctl 250 219, add_key 248 217, request_key 249 218, bpf 321 280, perf_event_open 298 241, userfaultfd 323 282
"""
_BY_ARGUMENT = "clone 56 220, clone3 435 435, kill 62 129, tgkill 234 131, prlimit64 302 261"
_CLONE_THREAD = 0x10000
_LAST_KNOWN = 462  # numbers are the same on all processors since 403; a call after mseal (Linux 6.10) is not known here
_X32 = 0x40000000  # x86-64's second set of numbers


@dataclass(frozen=True)
class Processor:
    """A processor's number in linux/audit.h, the calls that are taken away, and those that depend on their first argument."""

    audit: int
    forbidden: Mapping[str, int]
    by_argument: Mapping[str, int]


def _numbers(table: str, column: int) -> dict[str, int]:
    lines = [line for line in table.splitlines() if not line.startswith("#")]
    rows = [entry.split() for entry in ",".join(lines).split(",") if entry]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


PROCESSORS = {
    "x86_64": Processor(0xC000003E, _numbers(_FORBIDDEN, 1), _numbers(_BY_ARGUMENT, 1)),
    "aarch64": Processor(0xC00000B7, _numbers(_FORBIDDEN, 2), _numbers(_BY_ARGUMENT, 2)),
}
"""Processors whose calls are known, by `platform.machine()`."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def available() -> bool:
    """Whether this process can give up system calls."""
    if platform.system() != "Linux" or platform.machine() not in PROCESSORS:
        return False
    _prctl(_SET_SECCOMP, _FILTER, None)
    return ctypes.get_errno() == errno.EFAULT  # a kernel without filters says EINVAL


def give_up_calls() -> None:
    """Give them up, for this process and all its threads to come; call it while there is one thread.

    Raises:
        OSError: the kernel refuses.
    """
    code = b"".join(instructions(PROCESSORS[platform.machine()], os.getpid()))
    if _prctl(_SET_NO_NEW_PRIVS, 1, 0) or _prctl(_SET_SECCOMP, _FILTER, ctypes.byref(_Program(len(code) // 8, code))):
        raise OSError(ctypes.get_errno(), "the system calls cannot be given up")


def instructions(processor: Processor, pid: int) -> Iterator[bytes]:
    """The filter for the process `pid`: eight bytes an instruction, each test followed by the answer it jumps over."""
    decided = processor.by_argument
    yield _instruction(_LOAD, _ARCHITECTURE)
    yield _instruction(_EQUAL, processor.audit, then=1)
    yield _fails(errno.EPERM)
    yield _instruction(_LOAD, _NUMBER)
    yield _instruction(_AT_LEAST, _X32, otherwise=1)
    yield _fails(errno.EPERM)
    yield _instruction(_AT_LEAST, _LAST_KNOWN + 1, otherwise=1)
    yield _fails(errno.ENOSYS)
    yield _instruction(_EQUAL, decided["clone3"], otherwise=1)  # its flags are in memory; the C library then calls clone
    yield _fails(errno.ENOSYS)
    for number in processor.forbidden.values():
        yield _instruction(_EQUAL, number, otherwise=1)
        yield _fails(errno.EPERM)
    yield from _with_argument(decided["clone"], _instruction(_ANY_BIT, _CLONE_THREAD, then=1))
    for name in ("kill", "tgkill"):  # abort() is one
        yield from _with_argument(decided[name], _instruction(_EQUAL, pid, then=1))
    yield from _with_argument(decided["prlimit64"], _instruction(_EQUAL, 0, then=1))
    yield _instruction(_RETURN, _ALLOW)


def _with_argument(number: int, test: bytes) -> tuple[bytes, ...]:
    """A call that is allowed when its first argument passes `test`, which then jumps over one instruction."""
    return (
        _instruction(_EQUAL, number, otherwise=4),
        _instruction(_LOAD, _FIRST_ARGUMENT),
        test,
        _fails(errno.EPERM),
        _instruction(_RETURN, _ALLOW),
    )


def _instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


def _fails(number: int) -> bytes:
    return _instruction(_RETURN, _FAIL | number)


def _prctl(*arguments: object) -> int:
    function = ctypes.CDLL(None, use_errno=True).prctl
    function.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong]
    ctypes.set_errno(0)
    return int(function(*arguments, 0, 0))
