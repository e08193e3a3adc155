"""Write the table of blocks in docs/issue-files.md, from the one that the program reads by.

python docs/issue_files.py          writes the table anew
python docs/issue_files.py --check  ends with 1 when it is not what would be written
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from digest.blocks.kinds import KINDS

if TYPE_CHECKING:
    from digest.blocks.kinds import BlockField

PAGE = Path(__file__).with_name("issue-files.md")
BEGIN, END = "<!-- made by docs/issue_files.py -->\n", "<!-- to here -->\n"


def table() -> str:
    """Each kind with its use and place, and each of its fields."""
    parts = []
    for kind in KINDS.values():
        parts.append(f"\n### {kind.name}\n\n{kind.use} Stands at `{kind.place}`.\n")
        if kind.fields:
            parts.append("\n| field | needed | what it is |\n|---|---|---|\n")
            parts += [_line(row) for row in kind.fields]
            parts += [_line(part, f"{row.name}: ") for row in kind.fields for part in row.rows]
    return "".join(parts) + "\n"


def _line(row: BlockField, before: str = "") -> str:
    needed = "yes" if row.required else f"with `{row.needs}`" if row.needs else ""
    kinds = {"markdown": "Markdown. ", "choice": f"{' or '.join(f'`{word}`' for word in row.choices)}. "}
    return f"| {before}`{row.name}` | {needed} | {kinds.get(row.holds, '')}{row.tells} |\n"


def page(text: str) -> str:
    """The page with the table in its place."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    written = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv:
        sys.exit(page(written) != written)
    PAGE.write_text(page(written), encoding="utf-8")
