"""Write docs/verbs.md: every verb's --help, as the program prints it. A test holds the two together.

python docs/verbs.py          writes docs/verbs.md
python docs/verbs.py --check  ends with 1 when it is not what would be written
"""

from __future__ import annotations

import sys
from pathlib import Path

from digest.cli.app import app, load
from digest.cli.verbs import EXAMPLES

PAGE = Path(__file__).with_name("verbs.md")


def page() -> str:
    """The whole page: a heading and a block for each verb."""
    from typer.main import get_command
    from typer.testing import CliRunner

    load()
    runner = CliRunner(env={"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"})
    commands = get_command(app).commands  # type: ignore[attr-defined]
    named = [verb for verbs in EXAMPLES.values() for verb in verbs if verb in commands]
    words = [
        (*path, part)
        for path in [(name,) for name in named]
        for part in ("", *getattr(commands[path[0]], "commands", ()))
    ]
    parts = ["# Every verb\n\nMade by `python docs/verbs.py` from what the program says of itself.\n"]
    for path in words:
        name = " ".join(filter(None, path))
        text = runner.invoke(app, [*name.split(), "--help"], prog_name="digest").output.rstrip()
        parts.append(f"{'###' if path[-1] else '##'} digest {name}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    made = page()
    if "--check" in sys.argv:
        sys.exit(PAGE.read_text(encoding="utf-8") != made)
    PAGE.write_text(made, encoding="utf-8")
