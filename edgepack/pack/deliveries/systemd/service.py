"""A systemd service for a deployed model: a unit, and a small server that follows `current`."""

from __future__ import annotations

from pathlib import Path

from edgepack.ground.errors import ProjectError
from edgepack.pack.deliveries.form import Form, Options
from edgepack.pack.deliveries.writing import write_beside
from edgepack.project.names import check_name, derive_name

_SERVER = Path(__file__).with_name("serve.py")

# Options that need no privileges, so that they hold for a user's own units.
_UNIT = """\
[Unit]
Description=The model {name}, deployed by edgepack
Documentation=file:%h/.local/lib/edgepack-{name}/README.md

[Service]
ExecStart=/usr/bin/env python3 %h/.local/lib/edgepack-{name}/serve.py %h/edgepack/{name} --port 8321
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5
Environment=PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
NoNewPrivileges=yes
UMask=0077

[Install]
WantedBy=default.target
"""

_README = """\
# {name} as a service

On the device, as the user that edgepack deploys as:

    mkdir -p ~/.local/lib/edgepack-{name} ~/.config/systemd/user
    cp serve.py README.md ~/.local/lib/edgepack-{name}/
    cp edgepack-{name}.service ~/.config/systemd/user/
    systemctl --user daemon-reload
    systemctl --user enable --now edgepack-{name}
    loginctl enable-linger          # so that it starts with the device, without a login

`curl http://127.0.0.1:8321/` tells the release; `journalctl --user -u edgepack-{name}` shows when one took over.

`edgepack deploy` and `edgepack rollback` switch `~/edgepack/{name}/current`; the service notices within a second. Nothing has
to be restarted. Change the folder in the unit if the target's profile sets `root`, and `python3` if it sets `python`.
"""


def export_systemd(name: str, folder: Path) -> tuple[Path, ...]:
    """Write the unit, the server and how to install them for the model deployed as `name`; the files.

    The name stands in paths and in a command of the unit, where neither shell nor systemd would quote it alike: it has to be one
    that a model can be deployed as.

    Raises:
        ProjectError: EP-105 for a name of another form.
    """
    try:
        check_name(name)
    except ValueError as error:
        raise ProjectError("EP-105", f"--name: {error}", f"for example --name {derive_name(name)}") from error
    files = {
        f"edgepack-{name}.service": _UNIT.format(name=name),
        "serve.py": _SERVER.read_text(encoding="utf-8"),
        "README.md": _README.format(name=name),
    }
    return write_beside(folder, files)


def _write(model: Path, name: str, folder: Path, options: Options) -> tuple[Path, ...]:
    return export_systemd(name, folder)


_WHAT = "a service for Linux devices that serves the release that is current, and follows switches"
FORM = Form("systemd", _WHAT, _write, holds_model=False)
