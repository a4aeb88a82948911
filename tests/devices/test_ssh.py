"""The ssh device against a real sshd and the real client: what arrives, what comes back, and what goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgepack.devices.ssh import SshDevice
from edgepack.devices.ssh_address import SshAddress
from edgepack.ground.errors import DeviceError, ToolError
from tests.standins.leaks import control_folders, gone, ssh_clients
from tests.standins.sshd import LoopbackSshd, make_key

HARD_WORDS = [
    "plain",
    "two words",
    "it's",
    'say "hi"',
    "$(touch pwned)",
    "`id`",
    "a;b&c|d",
    "*",
    "~",
    "\\n",
    "-rf",
    "",
    "ü\tx",
    "$HOME",
]


def _fails(device: SshDevice, timeout: float = 10.0) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        device.run(["true"], timeout=timeout)
    assert "\n" not in str(caught.value) and caught.value.hint
    return caught.value


def test_every_argument_arrives_as_it_is(ssh_device: SshDevice) -> None:
    program = "import sys; sys.stdout.write('\\0'.join(sys.argv[1:]))"
    completed = ssh_device.run([sys.executable, "-c", program, *HARD_WORDS], timeout=10)
    assert completed.stdout.decode().split("\0") == HARD_WORDS


def test_status_output_and_errors_come_back_apart(ssh_device: SshDevice) -> None:
    completed = ssh_device.run(["sh", "-c", "echo out; echo err >&2; exit 37"], timeout=10)
    assert (completed.status, completed.stdout, completed.stderr.strip()) == (37, b"out\n", b"err")


def test_a_status_of_255_is_the_programs_own(ssh_device: SshDevice) -> None:
    assert ssh_device.run(["sh", "-c", "exit 255"], timeout=10).status == 255


def test_binary_input_and_output_are_untouched(ssh_device: SshDevice) -> None:
    data = os.urandom(300_000) + b"\r\n\0\nedgepack-end-0 0\n"
    assert ssh_device.run(["cat"], timeout=20, stdin=data).stdout == data


def test_a_program_gets_no_input_unless_given(ssh_device: SshDevice) -> None:
    assert ssh_device.run(["cat"], timeout=10).stdout == b""


def test_a_missing_program_is_status_127(ssh_device: SshDevice) -> None:
    assert ssh_device.run(["no-such-program-here"], timeout=10).status == 127


def test_a_program_killed_by_a_signal_is_128_plus_n(ssh_device: SshDevice) -> None:
    assert ssh_device.run(["sh", "-c", "kill -ABRT $$"], timeout=10).status == 128 + signal.SIGABRT


def test_the_connection_is_shared(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    for _ in range(5):
        ssh_device.run(["true"], timeout=10)
    assert (sshd.folder / "sshd.log").read_text().count("Accepted publickey") == 1


def test_commands_can_run_side_by_side(ssh_device: SshDevice) -> None:
    ssh_device.run(["true"], timeout=10)
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(ssh_device.run(["echo", str(n)], timeout=20).stdout)) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(answer) for answer in answers) == list(range(8))


def test_a_slow_program_is_given_up_on_time_and_the_device_works_on(ssh_device: SshDevice) -> None:
    start = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        ssh_device.run(["sleep", "60"], timeout=1.0)
    assert caught.value.code == "EP-508" and time.monotonic() - start < 30
    assert ssh_device.run(["echo", "again"], timeout=10).text == "again"


def test_a_stalled_device_is_given_up_on_time(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    ssh_device.run(["true"], timeout=10)
    sshd.stall()
    start = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        ssh_device.run(["true"], timeout=3.0)
    assert caught.value.code in ("EP-508", "EP-509") and time.monotonic() - start < 45


def test_a_device_that_vanishes_in_the_middle_is_a_broken_connection(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    ssh_device.run(["true"], timeout=10)
    timer = threading.Timer(1.0, sshd.kill)
    timer.start()
    start = time.monotonic()
    error = None
    try:
        ssh_device.run(["sleep", "30"], timeout=40)
    except DeviceError as caught:
        error = caught
    timer.join()
    assert error is not None and error.code == "EP-509" and time.monotonic() - start < 60
    assert _fails(ssh_device).code == "EP-502"
    sshd.start()
    assert ssh_device.run(["echo", "back"], timeout=10).text == "back"


def test_an_unknown_host_is_named(sshd: LoopbackSshd) -> None:
    device = SshDevice(SshAddress("no-such-host.invalid"), connect_timeout=5)
    error = _fails(device, 20)
    device.close()
    assert error.code == "EP-501" and "no-such-host.invalid" in str(error)


def test_nobody_listening_is_told_apart(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    sshd.stop()
    assert _fails(ssh_device).code == "EP-502"


def test_a_listener_that_says_nothing_is_no_answer(sshd: LoopbackSshd, tmp_path: Path) -> None:
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        device = SshDevice(SshAddress("127.0.0.1", port=silent.getsockname()[1]), connect_timeout=2)
        error = _fails(device)
        device.close()
    assert error.code == "EP-504"


def test_an_unknown_host_key_is_refused_with_the_command_to_run(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    sshd.trust(None)
    error = _fails(ssh_device)
    assert error.code == "EP-505" and "ssh-keyscan" in error.hint and f"ssh -F {sshd.config}" in error.hint
    assert (sshd.folder / "known_hosts").read_text() == "", "nothing may be learnt by itself"


def test_a_changed_host_key_is_refused(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    sshd.trust(make_key(sshd.folder / "other_key").with_suffix(".pub"))
    before = (sshd.folder / "known_hosts").read_text()
    error = _fails(ssh_device)
    assert error.code == "EP-506" and "ssh-keygen -R" in error.hint
    assert (sshd.folder / "known_hosts").read_text() == before


def test_a_wrong_key_is_permission_denied(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    make_key(sshd.folder / "wrong_key")
    sshd.write_config(identity="wrong_key")
    error = _fails(ssh_device)
    assert error.code == "EP-507" and "ssh-copy-id" in error.hint


def test_a_broken_ssh_configuration_is_named(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    sshd.write_config(extra="  NoSuchOption yes\n")
    assert _fails(ssh_device).code == "EP-519"


def test_a_login_that_runs_no_commands_is_named(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    key = (sshd.folder / "user_key.pub").read_text()
    (sshd.folder / "authorized_keys").write_text(f'command="echo This account is closed >&2; exit 1" {key}')
    error = _fails(ssh_device)
    assert error.code == "EP-518" and "This account is closed" in str(error)


def test_a_login_shell_that_talks_does_not_disturb(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    key = (sshd.folder / "user_key.pub").read_text()
    forced = 'echo Welcome; eval \\"$SSH_ORIGINAL_COMMAND\\"'
    (sshd.folder / "authorized_keys").write_text(f'command="{forced}" {key}')
    assert ssh_device.run(["echo", "clean"], timeout=10).stdout == b"clean\n"


def test_a_lost_end_marker_is_no_success(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    key = (sshd.folder / "user_key.pub").read_text()
    (sshd.folder / "authorized_keys").write_text(f'command="exit 0" {key}')
    assert _fails(ssh_device).code == "EP-518"


def test_a_command_that_began_and_has_no_end_was_cut_whatever_ssh_says(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    key = (sshd.folder / "user_key.pub").read_text()
    (sshd.folder / "authorized_keys").write_text(f'command="eval \\"$SSH_ORIGINAL_COMMAND\\" | head -n 2" {key}')
    assert _fails(ssh_device).code == "EP-509"


def test_settings_of_the_users_configuration_cannot_break_commands(sshd: LoopbackSshd, ssh_device: SshDevice) -> None:
    settings = (
        "RemoteCommand echo hijacked",
        "RequestTTY force",
        "LocalForward 1 localhost:1",
        "ExitOnForwardFailure yes",
        "LogLevel QUIET",
    )
    sshd.write_config(extra="".join(f"  {setting}\n" for setting in settings))
    assert ssh_device.run(["echo", "a\nb"], timeout=10).stdout == b"a\nb\n"


def test_close_leaves_no_process_and_no_socket(sshd: LoopbackSshd) -> None:
    before = control_folders()
    device = SshDevice(SshAddress(sshd.host), config=sshd.config)
    device.run(["true"], timeout=10)
    assert len(ssh_clients()) == 1, "the shared connection should be there"
    device.close()
    device.close()
    assert gone(ssh_clients) and control_folders() == before
    with pytest.raises(DeviceError):
        device.run(["true"], timeout=10)


def test_folders_of_killed_processes_are_removed(sshd: LoopbackSshd, tmp_path: Path) -> None:
    import tempfile

    program = (
        "import sys, os, signal\nfrom pathlib import Path\nfrom edgepack.devices.ssh import SshDevice, SshAddress\n"
        "d = SshDevice(SshAddress(sys.argv[1]), config=Path(sys.argv[2])); d.run(['true'], timeout=10)\n"
        "print(d._control, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, sshd.host, str(sshd.config)], capture_output=True, text=True)
    folder = Path(killed.stdout.strip())
    assert folder.is_dir() and folder.parent == Path(tempfile.gettempdir())
    SshDevice(SshAddress(sshd.host), config=sshd.config).close()
    assert not folder.exists()


def test_a_missing_client_names_the_package(sshd: LoopbackSshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolError) as caught:
        SshDevice(SshAddress(sshd.host), config=sshd.config)
    assert caught.value.code == "EP-682" and "openssh-client" in caught.value.hint


def test_facts_are_those_of_the_machine(ssh_device: SshDevice) -> None:
    facts = ssh_device.facts()
    uname = os.uname()
    assert (facts.hostname, facts.machine, facts.kernel) == (uname.nodename, uname.machine, uname.release)
    assert facts.cores == os.cpu_count() and facts.home.endswith("/sshd/home")
    assert facts.memory == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert facts.clock is not None and abs(facts.clock - time.time()) < 60
