"""An Android-like userland that runs aarch64 programs: Debian's arm64 mksh, toybox and busybox, a fake /sys and getprop.

It lives in user, mount and process namespaces of its own, where qemu-aarch64-static is registered for aarch64 programs; so
neither root nor a change to this machine is needed, and a small disk, a read-only folder or a reboot are real ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgepack.ground.user_cache import user_cache

_PACKAGES = ("libc6", "libcrypt1", "mksh", "toybox", "busybox-static")
_FROM_BUSYBOX = ("tr", "dd", "expr", "diff")  # in Android's toybox, not in Debian's

PROPERTIES = {
    "ro.product.manufacturer": "edgepack",
    "ro.product.model": "stand-in",
    "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a",
    "ro.build.version.release": "14",
    "ro.build.version.sdk": "34",
    "ro.hardware": "edgepack-qemu",
    "ro.soc.model": "qemu-user",
}

_BUILD = """\
set -e
root=$1; shift
mkdir -p "$root/system/bin" "$root/lib/aarch64-linux-gnu" "$root/proc" "$root/dev" "$root/data/local/tmp" "$root/tmp" "$root/etc"
for deb in "$@"; do dpkg-deb -x "$deb" "$root/.debs"; done
from=$root/.debs
for lib in libc.so.6 libm.so.6 libcrypt.so.1 ld-linux-aarch64.so.1; do
  cp -L "$from/lib/aarch64-linux-gnu/$lib" "$root/lib/aarch64-linux-gnu/" || cp -L "$from/usr/lib/aarch64-linux-gnu/$lib" \
    "$root/lib/aarch64-linux-gnu/"
done
ln -s aarch64-linux-gnu/ld-linux-aarch64.so.1 "$root/lib/ld-linux-aarch64.so.1"
cp "$from/bin/mksh" "$root/system/bin/sh"
cp "$from/bin/toybox" "$from/bin/busybox" "$root/system/bin/"
rm -rf "$from"
echo 'shell:x:0:0:shell:/data/local/tmp:/system/bin/sh' >"$root/etc/passwd"
echo 'shell:x:0:' >"$root/etc/group"
for name in $(qemu-aarch64-static -L "$root" "$root/system/bin/toybox"); do ln -s toybox "$root/system/bin/$name"; done
"""

# qemu-user's entry for aarch64, as Debian's qemu-user-static registers it; F keeps the interpreter open across the chroot.
_MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
_INIT = f"""\
set -e
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf '%s' ':qemu-aarch64:M::{_MAGIC}:{_MASK}:'"$2"':OCF' >/proc/sys/fs/binfmt_misc/register
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
for device in null zero urandom; do : >"$1/dev/$device"; mount --bind "/dev/$device" "$1/dev/$device"; done
if [ -n "$3" ]; then mount -t tmpfs -o "$3" tmpfs "$1/data/local/tmp"; fi
echo ready
exec sleep 100000
"""


def _command(*words: str, cwd: Path) -> None:
    done = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"the aarch64 userland cannot be had here: {words[0]}: {(done.stderr or done.stdout).strip()[-200:]}")


def _template() -> Path:
    """The userland's files, downloaded and unpacked once into the user's cache."""
    for program in ("qemu-aarch64-static", "unshare", "nsenter", "apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (apt-get install --no-install-recommends qemu-user-static util-linux)")
    final = user_cache() / "tests" / "android-root-1"
    if final.is_dir():
        return final
    work = final.with_name(f"{final.name}.{os.getpid()}")
    for folder in ("lists/partial", "cache/archives/partial", "debs"):
        (work / "apt" / folder).mkdir(parents=True, exist_ok=True)
    state = work / "apt"
    settings = (
        "APT::Architecture=arm64", "APT::Architectures::=arm64", f"Dir::State={state}", f"Dir::State::lists={state / 'lists'}",
        f"Dir::Cache={state / 'cache'}", "Dir::State::status=/dev/null", "APT::Sandbox::User=", "Debug::NoLocking=true",
    )  # fmt: skip
    apt = ["apt-get", *(word for one in settings for word in ("-o", one)), "-qq"]
    try:
        _command(*apt, "update", cwd=state / "debs")
        _command(*apt, "download", *_PACKAGES, cwd=state / "debs")
        debs = [str(deb) for deb in sorted((state / "debs").glob("*.deb"))]
        _command("sh", "-c", _BUILD, "sh", str(work / "root"), *debs, cwd=state)
        try:
            (work / "root").rename(final)
        except OSError:  # another test process was faster
            assert final.is_dir()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return final


class Aarch64Userland:
    """A userland in `folder`, running until `stop`; `disk` are tmpfs options for /data/local/tmp, such as "size=4m"."""

    def __init__(self, folder: Path, disk: str = "", properties: Mapping[str, str] = PROPERTIES) -> None:
        self.root = folder / "android"
        self._disk = disk
        self._qemu = str(shutil.which("qemu-aarch64-static"))
        shutil.copytree(_template(), self.root, symlinks=True)
        cases = "".join(f"{name}) echo '{value}' ;;\n" for name, value in properties.items())
        self.program("getprop", f'case "$1" in\n{cases}*) echo ;;\nesac\n')
        self.program("dumpsys", "case $1 in battery) echo '  level: 85' ;; thermalservice) echo 'Thermal Status: 0' ;; esac\n")
        for name in _FROM_BUSYBOX:
            self.program(name, f'exec /system/bin/busybox {name} "$@"\n')
        for core, clock in enumerate((1800000, 1800000, 2400000)):
            cpufreq = self.root / f"sys/devices/system/cpu/cpu{core}/cpufreq"
            cpufreq.mkdir(parents=True)
            (cpufreq / "scaling_governor").write_text("schedutil\n")
            for name in ("scaling_cur_freq", "cpuinfo_max_freq"):
                (cpufreq / name).write_text(f"{clock}\n")
        (self.root / "sys/class/thermal/thermal_zone0").mkdir(parents=True)
        (self.root / "sys/class/thermal/thermal_zone0/temp").write_text("31500\n")
        self.start()

    def program(self, name: str, script: str) -> None:
        """Put a shell script into /system/bin."""
        file = self.root / "system/bin" / name
        file.unlink(missing_ok=True)
        file.write_text(f"#!/system/bin/sh\n{script}")
        file.chmod(0o755)

    def start(self) -> None:
        """Start the first process, which the others live with."""
        self._unshare = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c", _INIT, "sh",
             str(self.root), self._qemu, self._disk],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._unshare.stdout is not None and self._unshare.stderr is not None
        if self._unshare.stdout.readline() != "ready\n":
            said = self._unshare.stderr.read().strip()
            self.stop()
            pytest.skip(f"this machine gives no namespace in which aarch64 programs run: {said[-200:]}")
        children = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children")
        self._init = int(children.read_text().split()[0])

    def reboot(self) -> None:
        """Every process dies; files stay, but for those on a tmpfs."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """End every process."""
        self._unshare.kill()
        self._unshare.wait()
        for pipe in (self._unshare.stdout, self._unshare.stderr):
            if pipe is not None:
                pipe.close()
        end = time.monotonic() + 10
        while hasattr(self, "_init") and Path(f"/proc/{self._init}").exists() and time.monotonic() < end:
            time.sleep(0.01)

    def remount(self, options: str) -> None:
        """Change the disk: "size=60m", "ro", "rw"."""
        inside = ["mount", "-o", f"remount,{options}", str(self.root / "data/local/tmp")]
        subprocess.run([*self._enter(), *inside], check=True, stdin=subprocess.DEVNULL)

    def _enter(self) -> list[str]:
        return ["nsenter", "--target", str(self._init), "--user", "--mount", "--pid", "--preserve-credentials", "--"]

    def command(self, line: str) -> list[str]:
        return [*self._enter(), str(shutil.which("chroot", path="/usr/sbin:/sbin:/usr/bin:/bin")), str(self.root),
                "/system/bin/sh", "-c", line]  # fmt: skip

    def environment(self) -> dict[str, str]:
        path = "/system/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # the host's for nsenter; there are none of them behind the chroot
        return {"PATH": path, "HOME": "/data/local/tmp", "TMPDIR": "/data/local/tmp"}

    def path(self, remote: str) -> Path:
        inside = self.root if not self._disk else Path(f"/proc/{self._init}/root{self.root}")
        return inside / remote.lstrip("/")
