"""`digest theme`: begin a theme of one's own, and check one before an edition is made with it."""

from __future__ import annotations

from typing import Annotated

from msgspec.structs import replace
from typer import Argument, Option

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.verbs import group, verb
from digest.errors import CheckFailed
from digest.text.counting import counted

theme = group("theme", "Begin a theme of your own, and check it.")


@verb("new", theme)
def new(
    common: Common,
    name: Annotated[str, Argument(metavar="NAME", help="Its name: small letters, digits, - and _.")],
    like: Annotated[str, Option("--like", metavar="THEME", help="The theme that it begins as.")] = "default",
) -> None:
    """Begin a theme: its page and its colours, as files to change; all else stays the default's."""
    from digest import files
    from digest.composer import own_theme

    call = Call(common)
    made = [files.typed(path) for path in own_theme.begin(call.newsroom.root / "templates", name, like)]
    if common.json:
        call.out.data({"theme": name, "files": [str(path) for path in made]})
        return
    for path in made:
        call.out.line(str(path))
    call.out.line(f"Next: put `name: {name}` under theme in config.yaml, then digest theme check")


@verb("check", theme)
def check(
    common: Common,
    name: Annotated[str, Argument(metavar="[NAME]", help="The newsroom's own theme if none is named.")] = "",
) -> None:
    """Try a theme with made-up editions in every layout, and say what is wrong, with file and line."""
    from digest.composer import own_theme

    call = Call(common)
    setup = call.newsroom.edition_setup
    if not name:
        setup.demand_theme()
    options = replace(setup.options, name=name or setup.options.name)
    wrong, notes = own_theme.tried([call.newsroom.root / "templates"], options, call.newsroom.config.newsroom)
    if common.json:
        call.out.data({"theme": options.name, "faults": wrong, "notes": notes})
    else:
        for line in (*wrong, *notes):
            call.out.line(line)
    if wrong:
        message = f"the theme {options.name} has {counted(len(wrong), 'mistake')}"
        raise CheckFailed(message)
    if not common.json:
        call.out.line(f"{options.name}: no mistakes")
