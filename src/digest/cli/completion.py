"""`digest completion`: the script with which bash, zsh or fish completes verbs, options, editions and audiences."""

from __future__ import annotations

import enum
from typing import Annotated

from typer import Argument

from digest.cli import candidates
from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.verbs import verb


class Shell(enum.StrEnum):
    """The shells that have a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@verb("completion")
def completion(common: Common, shell: Annotated[Shell, Argument(help="Which shell's script to print.")]) -> None:
    """Print the script with which your shell completes verbs, options, editions, audiences and topics."""
    from typer._completion_shared import get_completion_script

    script = get_completion_script(prog_name="digest", complete_var=candidates.ASKED, shell=shell.value)
    out = Call(common).out
    if common.json:
        out.data({"script": script})
    out.line(script)
