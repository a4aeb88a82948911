"""`edgepack keys`: keys that sign packs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgepack.cli.options import Json

keys_app = typer.Typer(help="Keys that sign packs (`edgepack deploy --sign`), in minisign's format.", no_args_is_help=True)


@keys_app.command("new")
def new(
    name: Annotated[Path, typer.Argument(help="The files' name: NAME.key is the secret key, NAME.pub the public one.")] = Path(
        "edgepack"
    ),
    no_password: Annotated[bool, typer.Option("--no-password", help="Do not encrypt the secret key.")] = False,
    json_output: Json = False,
) -> None:
    """Make a key pair. Keep NAME.key secret and keep a copy of it: without it no device that trusts it takes another release.

    The password that encrypts it is taken from EDGEPACK_SIGN_PASSWORD, or asked for.
    """
    from edgepack.cli.output import print_json, say
    from edgepack.signing import generate_key
    from edgepack.signing.password import new_password

    secret, public_file, public = generate_key(name, None if no_password else new_password)
    if json_output:
        print_json({"secret_key": str(secret), "public_key_file": str(public_file), "public_key": public.text})
        return
    say(f"{secret}: the secret key, for you alone; {'not encrypted' if no_password else 'encrypted with the password'}")
    say(f"{public_file}: the public key {public.text}")
    say(f"sign with: edgepack deploy PROJECT --target TARGET --sign {secret}")
    say(f"check with: minisign -Vm manifest.json -P {public.text}")
