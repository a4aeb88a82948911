#!/bin/sh
# Install the Debian packages behind the programs named, those of them that are missing: system-packages.sh ssh sshd gcc
# Needs root, or sudo without a password; otherwise prints the command to run and exits 5.
set -eu

package_of() {
  case $1 in
    ssh) echo openssh-client ;;
    sshd) echo openssh-server ;;
    venv) echo python3-venv ;;
    arm-none-eabi-gcc) echo "gcc-arm-none-eabi libnewlib-arm-none-eabi" ;;
    qemu-system-arm) echo qemu-system-arm ;;
    qemu-aarch64-static) echo qemu-user-static ;;
    mbedtls) echo libmbedtls-dev ;;
    *) echo "$1" ;;
  esac
}

missing=""
for program in "$@"; do
  if [ "$program" = venv ]; then
    "${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null && continue
  elif [ "$program" = mbedtls ]; then
    [ -e /usr/include/psa/crypto.h ] && continue
  elif PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null 2>&1; then
    continue
  fi
  missing="$missing $(package_of "$program")"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo"
else as_root=none
fi
if [ "$as_root" = none ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "error: missing:$missing" >&2
  echo "  try: sudo apt-get install --no-install-recommends$missing" >&2
  exit 5
fi
echo "Installing system packages:$missing" >&2
log=$(mktemp)
# The ssh server is wanted as a program, not as a service: edgepack starts it itself, on the loopback address only. So while
# apt runs nothing may start, and the service is left disabled.
policy=/usr/sbin/policy-rc.d
guard=no
case $missing in *openssh-server*)
  if [ ! -e $policy ]; then
    guard=yes
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
  fi ;;
esac
cleanup() {
  rm -f "$log"
  [ "$guard" = no ] || $as_root rm -f $policy
}
trap cleanup EXIT
install() {
  $as_root apt-get -qq update || return 1
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $missing
}
if ! install >"$log" 2>&1; then
  tail -n 5 "$log" >&2
  echo "error: apt-get could not install$missing" >&2
  echo "  try: apt-get update && apt-get install --no-install-recommends$missing" >&2
  exit 5
fi
case $missing in *openssh-server*)
  if command -v systemctl >/dev/null 2>&1; then
    $as_root systemctl --quiet disable ssh.service ssh.socket 2>/dev/null || true
  fi ;;
esac
