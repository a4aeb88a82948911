"""A virtual Raspberry Pi: Debian's arm64 userland under an emulated sshd, with a Pi's cpuinfo, thermal and cpufreq files.

Real aarch64 programs, wheels and libraries run there, each instruction translated by qemu-user: it proves that a deployment
works on the Pi's system and architecture. Its times are the emulator's and no hardware's, and everything measured on it says so.

It lives in user, mount and process namespaces of its own: the emulator is registered there alone, and all mounts vanish with its
first process. Making it needs root; it takes a minute, 200 MB, and Debian's packages from a mirror.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from edgepack.ground.errors import DeviceError, ToolError
from edgepack.ground.files import write_atomic
from edgepack.ground.private import with_umask
from edgepack.ground.progress import Progress
from edgepack.standins import sshd
from edgepack.workers.process import run_process

REASON = "a virtual Pi: arm64 programs emulated by QEMU on this machine, whose times are not a Pi's"
MARK = "virtual"
"""The file in a stand-in's folder that says that it is one."""

# Not "Raspberry Pi": a device of that name counts as the target's hardware.
MODEL = "edgepack virtual Pi 4 (emulated by QEMU)"
USER = "pi"
_SUITE = "bookworm"
# The variant "extract" brings nothing that is not named or needed by what is.
_PACKAGES = (
    "openssh-server", "python3", "libstdc++6", "base-passwd", "base-files", "coreutils", "dash", "sed", "grep", "findutils",
    "tar", "gzip", "libc-bin", "mawk",
)  # fmt: skip
_PROGRAMS = {"mmdebstrap": "mmdebstrap", "qemu-aarch64-static": "qemu-user-static", "unshare": "util-linux"}
_BUILD_SECONDS = 900

# What runtimes decide by: LiteRT dies under qemu-user when it is shown an x86 processor. A Cortex-A72 is part 0xd08.
_CPU = """\
processor	: {core}
BogoMIPS	: 108.00
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd08
CPU revision	: 3

"""
_CORES = 4

# qemu-user's entry for aarch64, as Debian's qemu-user-static registers it; F keeps the interpreter open across the chroot.
_MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
# The shell stays the namespace's first process: one that gains privileges by exec, as sshd would, outlives unshare's death.
# $1 the root, $2 the emulator, $3 the configuration by which the process is found again.
_INIT = f"""\
set -e
read -r mapped
exec </dev/null
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf '%s' ':qemu-aarch64:M::{_MAGIC}:{_MASK}:'"$2"':OCF' >/proc/sys/fs/binfmt_misc/register
mount -t proc proc "$1/proc"
mount --bind "$1/etc/edgepack/cpuinfo" "$1/proc/cpuinfo"
mkdir -p "$1/dev/shm"
mount -t tmpfs tmpfs "$1/dev/shm"
for device in null zero random urandom; do : >"$1/dev/$device"; mount --bind "/dev/$device" "$1/dev/$device"; done
chroot "$1" /usr/sbin/sshd -D -e -f /etc/edgepack/sshd_config
exit $?
"""


def missing() -> str:
    """What keeps this machine from having a virtual Pi, as one sentence; "" when nothing does."""
    if os.geteuid() != 0:
        return "a virtual Pi needs root"
    gone = [package for program, package in _PROGRAMS.items() if _find(program) is None]
    return f"a virtual Pi needs programs that are not installed (packages {', '.join(gone)})" if gone else ""


def refuse(reason: str) -> NoReturn:
    """Raise EP-688."""
    raise ToolError("EP-688", reason, "run as root; apt-get install --no-install-recommends mmdebstrap qemu-user-static")


@with_umask(0o022)  # a system with users of its own, in a folder that is this user's alone
def start(folder: Path, alias: str, progress: Progress) -> None:
    """Make and start the virtual Pi of the stand-in in `folder`, which holds its keys (sshd.prepare).

    Raises:
        ToolError: EP-688 not root, or a program is missing.
        DeviceError: EP-539 the system cannot be fetched, EP-521 its ssh server does not start.
    """
    reason = missing()
    if reason:
        refuse(reason)
    root = folder / "root"
    if not (root / "etc/edgepack/made").is_file():
        shutil.rmtree(root, ignore_errors=True)
        with progress.stage("Making the virtual Pi", f"Debian {_SUITE} for arm64") as task:
            _fetch(root)
            _furnish(root)
            (root / "etc/edgepack/made").touch()
            task.finish(f"{_SUITE}, Python 3")
    _configure(folder, root, alias)
    with progress.stage("Starting the virtual Pi", "its ssh server is emulated, too"):
        _launch(folder, root)


def stop(pid: int) -> None:
    """End the first process of a virtual Pi, with which everything else there ends."""
    inside: list[str] = []
    with suppress(OSError):
        inside = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for one in (*map(int, inside), pid):  # unshare passes nothing milder on
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def _find(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def _fetch(root: Path) -> None:
    command = [
        str(_find("mmdebstrap")), "--variant=extract", "--mode=root", "--architectures=arm64", "--skip=check/qemu", "--quiet",
        f"--include={','.join(_PACKAGES)}", _SUITE, str(root),
    ]  # fmt: skip
    try:
        done = run_process(command, timeout=_BUILD_SECONDS, kill_group=True)
    except DeviceError:
        shutil.rmtree(root, ignore_errors=True)
        raise
    if done.status != 0:
        shutil.rmtree(root, ignore_errors=True)
        said = [line for line in done.errors.splitlines() if line.strip()]
        last = f"it took longer than {_BUILD_SECONDS} s" if done.status is None else said[-1][:200] if said else "no reason given"
        raise DeviceError(
            "EP-539", f"the virtual Pi's system cannot be fetched: {last}", "check the network and the Debian mirror"
        )


def _furnish(root: Path) -> None:
    """What the packages' scripts, which run nothing here, would have made; and what makes it look like a Pi."""
    for name in ("passwd", "group"):
        shutil.copyfile(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    for name, line in (
        ("passwd", f"sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n{USER}:x:1000:1000::/home/{USER}:/bin/sh\n"),
        ("group", f"{USER}:x:1000:\n"),
        ("shadow", f"root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n{USER}:*:19000:0:99999:7:::\n"),
        ("hostname", "virtual-pi\n"),
    ):
        with (root / "etc" / name).open("a") as file:
            file.write(line)
    home = root / "home" / USER
    for path in (home, root / "run/sshd", root / "etc/edgepack", root / "proc", root / "dev", root / "tmp"):
        path.mkdir(parents=True, exist_ok=True)
    os.chown(home, 1000, 1000)
    (root / "tmp").chmod(0o1777)
    if not (root / "bin/sh").exists():
        (root / "bin/sh").symlink_to("dash")
    files = {
        "etc/edgepack/cpuinfo": "".join(_CPU.format(core=core) for core in range(_CORES))
        + f"Revision\t: c03114\nModel\t\t: {MODEL}\n",
        "sys/firmware/devicetree/base/model": f"{MODEL}\n",
        "sys/class/thermal/thermal_zone0/temp": "48200\n",
    }
    for core in range(_CORES):
        files[f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor"] = "ondemand\n"
        files[f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq"] = "1800000\n"
    for relative, text in files.items():
        (root / relative).parent.mkdir(parents=True, exist_ok=True)
        (root / relative).write_text(text)


def _configure(folder: Path, root: Path, alias: str) -> None:
    """The server's configuration, with the keys beside it, and the client's as of any stand-in."""
    for name, mode in (("host_key", 0o600), ("authorized_keys", 0o644)):
        shutil.copyfile(folder / name, root / "etc/edgepack" / name)
        (root / "etc/edgepack" / name).chmod(mode)
    port = sshd.free_port()
    server = [
        f"Port {port}", "ListenAddress 127.0.0.1", "HostKey /etc/edgepack/host_key", "PidFile none",
        "AuthorizedKeysFile /etc/edgepack/authorized_keys", "AuthenticationMethods publickey", f"AllowUsers {USER}",
        "UsePAM no", "StrictModes no", "PrintMotd no", "AllowTcpForwarding no", "X11Forwarding no", "MaxStartups 100",
        "MaxSessions 100", "Subsystem sftp internal-sftp", 'SetEnv "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"',
    ]  # fmt: skip
    write_atomic(folder / "sshd_config", "\n".join(server) + "\n", private=True)
    write_atomic(root / "etc/edgepack/sshd_config", "\n".join(server) + "\n")
    write_atomic(folder / "ssh_config", sshd.client_configuration(folder, alias, USER, port), private=True)


def _map_users(process: subprocess.Popen[bytes]) -> None:
    """Give the namespace this machine's users, of which sshd needs more than one, and let it go on.

    Only a process outside can do that; unshare's own option wants them in /etc/subuid even for root.
    """
    own = os.readlink("/proc/self/ns/user")
    end = time.monotonic() + 10.0
    while process.poll() is None and time.monotonic() < end and os.readlink(f"/proc/{process.pid}/ns/user") == own:
        time.sleep(0.01)
    for kind in ("uid_map", "gid_map"):
        Path(f"/proc/{process.pid}/{kind}").write_text("0 0 65536\n")
    assert process.stdin is not None
    process.stdin.write(b"mapped\n")
    process.stdin.close()


def _launch(folder: Path, root: Path) -> None:
    command = [
        str(_find("unshare")), "--user", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c", _INIT, "sh",
        str(root), str(_find("qemu-aarch64-static")), str(folder / "sshd_config"),
    ]  # fmt: skip
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd="/"
        )
    with suppress(OSError):
        _map_users(process)
    write_atomic(folder / "sshd.pid", f"{process.pid}\n", private=True)
    port = sshd.read_port(folder)
    if port is not None and sshd.answers(folder, port, seconds=60.0):
        return
    stop(process.pid)
    process.wait()
    time.sleep(0.1)
    said = [line for line in (folder / "sshd.log").read_text(errors="replace").splitlines() if line.strip()]
    raise DeviceError(
        "EP-521",
        f"the virtual Pi's sshd does not start: {said[-1][:200] if said else 'no reason given'}",
        f"see {folder / 'sshd.log'}",
    )
