"""A release's files onto the device: what is there already is linked, the rest is sent as blobs, everything is verified.

Content is kept by its SHA-256 in `blobs/`; a release's files are hard links to blobs, or copies where the file system has no
hard links (then the releases themselves are searched for content, and no blob outlives a deployment).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgepack.devices import Device
from edgepack.devices.upload import SHA256_FUNCTION
from edgepack.ground.errors import DeviceError
from edgepack.ground.foreign import whole_number
from edgepack.ground.progress import Task
from edgepack.pack import Pack, check_pack
from edgepack.releases.delta import keep, send_patch
from edgepack.remote.layout import Layout
from edgepack.remote.script import check_script
from edgepack.remote.space import check_space, insist_on_space
from edgepack.signing import signature_error

MODEL = "model.tflite"
SUMS = "SHA256SUMS"
"""The file in each release that lists every other one, as sha256sum writes it."""

COLLECT = """\
for f in blobs/*; do
  [ -e "$f" ] || continue
  b=${f#blobs/}
  case $used in *"${b%%.part-*}  "*) ;; *) rm -f -- "$f" ;; esac
done
"""
"""Removes the blobs that `$used`, lines of SHA256SUMS, does not name."""

# Shells without a printf of their own start a program for each, so what can be echoed is: names hold no backslashes.
# The lock is held, so nobody else uses what stopped runs left; an upload of this very release stays. Reads lines of SHA256SUMS;
# says where the release is, what of it is missing or wrong, which content is on the device already, and which files of the same
# names other releases have.
_PREPARE = (
    SHA256_FUNCTION
    + """\
if [ -e "${1%/*}/.trust/key.pub" ] && [ "$3" = unsigned ]; then echo trusts; exit; fi
mkdir -p -- "$1/incoming" "$1/releases" "$1/blobs" && cd "$1" || exit 70
for f in incoming/* .current.* .previous.* .switch.* .signature.* .trash.* .probe* lock.stale.* lock.released.* lock.break; do
  case $f in "incoming/$2") ;; *) rm -rf -- "$f" ;; esac
done
rm -rf -- "${1%/*}"/.uninstalled.*
wanted=$(cat)
used="$wanted
$(cat releases/*/SHA256SUMS 2>/dev/null)"
"""
    + COLLECT
    + """\
into=releases/$2
if ! [ -d "$into" ]; then into=incoming/$2; mkdir -p -- "$into" || exit 70; fi
links=no
true | cat >.probe || exit 71
ln .probe .probe.link 2>/dev/null && links=yes
rm -f .probe .probe.link
echo "into $into"
echo "links $links"
set -- $(df -Pk . | tail -n 1)
echo "free $4"
echo "$wanted" | while read -r sum name; do
  [ -f "$into/$name" ] && [ "$(sha256 "$into/$name")" = "$sum" ] && continue
  echo "wrong $name"
  if [ -f "blobs/$sum" ] && [ "$(sha256 "blobs/$sum")" = "$sum" ]; then echo "have $sum blobs/$sum"; continue; fi
  for f in "blobs/$sum".part-*; do [ -f "$f" ] && echo "part $sum $(wc -c <"$f")"; done
  grep -- "^$sum  " /dev/null releases/*/SHA256SUMS 2>/dev/null | while IFS= read -r line; do
    f=${line%%/SHA256SUMS:*}/${line#*:"$sum"  }
    if [ -f "$f" ] && [ "$(sha256 "$f")" = "$sum" ]; then echo "have $sum $f"; break; fi
  done
  for f in releases/*/"$name"; do
    [ -f "$f" ] || continue
    while read -r other its; do
      if [ "$its" = "$name" ]; then echo "base $sum $other $f"; fi
    done <"${f%"/$name"}/SHA256SUMS"
  done
done
"""
)

# Reads "<sha256> TAB <where it is> TAB <name in the release>". A file that is replaced gets its new content by a rename.
_PLACE = """\
cd "$1" || exit 70
into=$2 links=$3 tab='\t'
while IFS=$tab read -r sum from name; do
  to=$into/$name
  [ -d "${to%/*}" ] || mkdir -p -- "${to%/*}" || exit 71
  [ ! -e "$to.part-new" ] || rm -f -- "$to.part-new"
  if [ "$links" = yes ]; then
    if [ "$from" != "blobs/$sum" ]; then rm -f -- "blobs/$sum" && ln -- "$from" "blobs/$sum" || exit 71; fi
    ln -- "blobs/$sum" "$to.part-new" || exit 71
  else
    cp -- "$from" "$to.part-new" || exit 71
  fi
  mv -f -- "$to.part-new" "$to" || exit 71
done
"""

DAMAGED_FUNCTION = (
    SHA256_FUNCTION
    + """\
damaged() {
  [ -s "$1/SHA256SUMS" ] || { echo SHA256SUMS; return; }
  while read -r sum name; do
    [ -f "$1/$name" ] && [ "$(sha256 "$1/$name")" = "$sum" ] || { printf '%s\\n' "$name"; return; }
  done <"$1/SHA256SUMS"
  (cd "$1" && find . -type f) | while IFS= read -r file; do
    case $file in ./SHA256SUMS|./manifest.json.minisig|./signing-key.pub|./signing-key.pub.minisig) continue ;; esac
    cut -c67- "$1/SHA256SUMS" | grep -qxF -- "${file#./}" || { echo SHA256SUMS; return; }
  done
}
"""
)
"""A function of sh: the first file of the release in the folder $1 that is not what its list says, or that the list lacks."""

# Reads "<sha256>  <name>" lines, prints the names of files that are missing or different.
_VERIFY = (
    SHA256_FUNCTION
    + """\
cd "$1" 2>/dev/null || { cut -c67-; exit 0; }
while read -r sum name; do
  [ -f "$name" ] && [ "$(sha256 "$name")" = "$sum" ] || printf '%s\\n' "$name"
done
"""
)

# The same, and the list itself becomes part of the release when every file is right.
_SEAL = (
    SHA256_FUNCTION
    + """\
cd "$1" && cat >.sums || exit 70
find . -name "*.part-*" -exec rm -f {} +
wrong=$(while read -r sum name; do
  [ -f "$name" ] && [ "$(sha256 "$name")" = "$sum" ] || printf '%s\\n' "$name"
done <.sums)
if [ -n "$wrong" ]; then printf '%s\\n' "$wrong"; rm -f .sums; else mv -f .sums "$2"; fi
"""
)


@dataclass(frozen=True)
class Sent:
    """A release on the device, in the folder `path`: the bytes that travelled for it, those of files found there, and those that
    travelled for the model alone, 0 when it was there; `patched` files were made of others there."""

    path: str
    uploaded: int
    reused: int
    model: int
    patched: int = 0


@dataclass(frozen=True)
class _Found:
    """What the device has of a release, all paths relative to the model's folder.

    `into` is the release's folder, `wrong` the names that are missing or damaged there, `sources` where intact content is by
    SHA-256, `parts` the bytes of cut uploads by SHA-256, `free` the room in bytes. `bases` are files of the same names by their
    SHA-256, for the SHA-256 of each that is missing.
    """

    into: str
    links: bool
    free: int | None
    wrong: tuple[str, ...]
    sources: dict[str, str]
    parts: dict[str, int]
    bases: dict[str, dict[str, str]]


def release_files(folder: Path) -> dict[str, Path]:
    """Every file of a pack by its path inside it, sorted.

    Raises:
        DeviceError: EP-529 for a file name that a list of checksums cannot hold.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    for name in files:
        if any(ord(character) < 32 or character in "\\\x7f" for character in name) or name != name.strip():
            raise DeviceError("EP-529", f"the pack holds a file that cannot be deployed: {name!r}", "rename the file")
    return files


def checksums(digests: Mapping[str, str]) -> str:
    """The lines of SHA256SUMS, of each file's SHA-256 by its name."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()) if name != SUMS)


def wrong_files(device: Device, folder: str, sums: str) -> list[str]:
    """The files below `folder` on the device that are missing or not what `sums` says."""
    said = check_script(device, _VERIFY, [folder], folder, timeout=300.0, stdin=sums.encode())
    return [line for line in said.splitlines() if line]


def send_release(device: Device, layout: Layout, pack: Pack, task: Task, signed: bool = False, python: str | None = None) -> Sent:
    """Bring the pack's files to `incoming/<its id>`, or mend `releases/<its id>` when it is there already.

    What is sent is what the pack's manifest says: a file that changes under the upload arrives as a damaged one. With a `python`
    on the device, files are made there of those before them, where a patch is much smaller.

    Raises:
        ModelError: EP-251 the pack was altered.
        SignatureRefused: EP-570 it is not `signed`, and the device has a key.
        DeviceError: EP-510 no room, EP-511 not writable, EP-515 damaged on the way, or a failing link.
    """
    digests = check_pack(pack)
    files = {name: file for name, file in release_files(pack.folder).items() if name in digests}
    sums = checksums(digests)
    arguments = [layout.folder, pack.id, "signed" if signed else "unsigned"]
    said = check_script(device, _PREPARE, arguments, layout.folder, timeout=300.0, stdin=sums.encode())
    if said.strip() == "trusts":
        raise signature_error("unsigned", f"{device.name} takes signed packs only, and pack {pack.id} is not signed")
    found = _parse(said)
    if found.into not in (f"releases/{pack.id}", f"incoming/{pack.id}") or not set(found.wrong) <= set(digests):
        hint = "check that its shell is POSIX's and that a login prints nothing"
        raise DeviceError("EP-512", f"{device.name} answers something else than it was asked for", hint)
    sizes = {digests[name]: files[name].stat().st_size for name in digests}
    absent = {digests[name]: files[name] for name in found.wrong if digests[name] not in found.sources}
    if found.wrong:
        needed = sum(sizes[digest] - min(sizes[digest], found.parts.get(digest, 0)) for digest in absent)
        copied = 0 if found.links else sum(sizes[digests[name]] for name in found.wrong)
        insist_on_space(device, layout.folder, needed + copied, found.free)
    done, total = 0, sum(sizes[digest] for digest in absent)
    travelled: dict[str, int] = {}
    patched = 0
    for digest, file in absent.items():
        bases = found.bases.get(digest, {}) if digest not in found.parts else {}
        made = send_patch(device, layout, python, file, digest, bases) if python is not None and bases else None
        patched += made is not None
        travelled[digest] = device.put(file, layout.blob(digest)) if made is None else made
        done += sizes[digest]
        task.update(done, total, file.name)
    folder = f"{layout.folder}/{found.into}"
    sources = {**found.sources, **{digest: f"blobs/{digest}" for digest in absent}}
    placed = "".join(f"{digests[name]}\t{sources[digests[name]]}\t{name}\n" for name in found.wrong)
    if placed:
        arguments = [layout.folder, found.into, "yes" if found.links else "no"]
        check_script(device, _PLACE, arguments, folder, timeout=300.0, stdin=placed.encode())
    wrong = check_script(device, _SEAL, [folder, SUMS], folder, timeout=300.0, stdin=sums.encode()).splitlines()
    if wrong:
        raise DeviceError(
            "EP-515", f"{device.name}: {wrong[0]} is damaged after the upload", "check the device's storage and run again"
        )
    keep((digests[name], file) for name, file in files.items())
    reused = sum(files[name].stat().st_size for name in digests) - total
    return Sent(folder, sum(travelled.values()), reused, travelled.get(digests.get(MODEL, ""), 0), patched)


def send_folder(device: Device, folder: str, files: dict[str, Path], task: Task) -> None:
    """Send files, by their path inside it, to a folder that nothing is kept of; each is verified on the device."""
    check_script(device, 'mkdir -p -- "$1"', [folder], folder)
    check_space(device, folder, sum(file.stat().st_size for file in files.values()))
    done, total = 0, sum(file.stat().st_size for file in files.values())
    for name, file in files.items():
        device.put(file, f"{folder}/{name}")
        done += file.stat().st_size
        task.update(done, total, name)


def _parse(said: str) -> _Found:
    words: dict[str, str] = {}
    wrong: list[str] = []
    sources: dict[str, str] = {}
    parts: dict[str, int] = {}
    bases: dict[str, dict[str, str]] = {}
    for line in said.splitlines():
        key, _, rest = line.partition(" ")
        digest, _, value = rest.partition(" ")
        if key == "wrong":
            wrong.append(rest)
        elif key == "have":
            sources.setdefault(digest, value)
        elif key == "part" and (part := whole_number(value.strip())) is not None:
            parts[digest] = parts.get(digest, 0) + part
        elif key == "base":
            base, _, path = value.partition(" ")
            bases.setdefault(digest, {})[base] = path
        else:
            words[key] = rest
    free = whole_number(words.get("free", ""))
    room = None if free is None else free * 1024
    return _Found(words.get("into", ""), words.get("links") == "yes", room, tuple(wrong), sources, parts, bases)
