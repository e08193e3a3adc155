"""`digest check` and `digest approve`: what is wrong before it goes, and a person's word for the exact bytes."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

from typer import Option

from digest.cli.call import Call
from digest.cli.flags import Common, EditionFlags
from digest.cli.output import tally, tell, told_once
from digest.cli.verbs import verb
from digest.errors import CheckFailed, DigestError, NothingToSend, UsageError
from digest.text.counting import counted

if TYPE_CHECKING:
    from digest.editions.builder import Build
    from digest.model import Edition, Finding


@verb("check")
def check(
    common: Common,
    chosen: EditionFlags,
    explain: Annotated[str, Option("--explain", metavar="CODE", help="Say what a code means, and end.")] = "",
    strict: Annotated[bool, Option("--strict", help="Warnings fail too.")] = False,
    network: Annotated[bool, Option("--network", help="Also fetch links and images, and ask DNS.")] = False,
    sarif: Annotated[bool, Option("--sarif", help="Print SARIF 2.1.0, for code review tools.")] = False,
    relay: Annotated[bool, Option("--relay", help="Only try the relay: log in, and send nothing.")] = False,
) -> None:
    """Run every check over the editions of a period."""
    call = Call(common)
    if explain:
        from digest.checks.registry import explain as explained

        text = explained(explain)
        if common.json:
            call.out.data({"code": explain, "text": text})
        for line in text.splitlines():
            call.out.line(line)
        return
    if relay:
        _examine_relay(call, chosen)
        return
    from digest.editions.builder import build_edition

    made = [build_edition(call.newsroom, edition, now=call.now, network=network) for edition in call.editions(chosen)]
    found = [(each.edition, finding) for each in made for finding in each.findings]
    _tell(call, made, found, sarif=sarif, network=network)
    call.tell_exposed()
    _judge(made, strict=strict)


def _examine_relay(call: Call, chosen: EditionFlags) -> None:
    """Say what the relay of config.yaml is like. Ends with 75 where another time may do, with 1 where it will not."""
    from digest.smtp.examine import examine

    if again := chosen.again():
        message = f"--relay is about the relay, and no edition; leave out {again}"
        raise UsageError(message)
    settings = call.newsroom.sending_setup.smtp()
    traits = examine(settings)
    call.out.line(f"{settings.peer}: ready for mail; nothing was sent")
    for trait in traits:
        call.out.line(f"  {trait.name:<10}  {trait.meaning}")
    call.tell_exposed()
    if call.common.json:
        rows = [{"name": trait.name, "offered": trait.offered, "meaning": trait.meaning} for trait in traits]
        call.out.data({"relay": settings.peer, "traits": rows})


def _tell(call: Call, made: list[Build], found: list[tuple[Edition, Finding]], *, sarif: bool, network: bool) -> None:
    from digest.model import Severity

    if sarif:
        from digest.checks.sarif import sarif as document
        from digest.distribution import version

        call.out.data(document([(edition.id, finding) for edition, finding in found], version=version()))
    elif call.common.json:
        call.out.data([{"edition": edition.id, **finding.as_data()} for edition, finding in found])
    else:
        for each, fresh in zip(made, told_once(each.findings for each in made), strict=True):
            stories = counted(len(each.selection.stories), "story", "stories")
            state = tally(each.findings) if each.rendering else f"nothing to check: {each.why_nothing}"
            call.out.line(f"{each.edition.id}: {stories}, {state}")
            call.out.findings(each.findings, fresh)
        if not call.common.verbose:  # then they stand there already
            blanks = (finding for _, finding in found if finding.code == "address-placeholder")
            quiet = (f"{blank.where}: {blank.message}" for blank in blanks if blank.severity is Severity.INFO)
            call.out.to_fill_in(dict.fromkeys(quiet))
        if not network and any(each.rendering for each in made):
            call.out.line("Links, pictures on the web and DNS were not tried: --network does.")


def _judge(made: list[Build], *, strict: bool) -> None:
    from digest.model import Severity

    if not any(each.rendering for each in made):
        message = "nothing to check: no edition of this period has enough stories"
        raise NothingToSend(message)
    loud = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    fresh = told_once(each.findings for each in made)
    bad = [finding for findings in fresh for finding in findings if finding.severity in loud]
    if bad:
        message = f"{tally(bad)}; `digest check --explain {bad[0].code}` says why it matters"
        raise CheckFailed(message)


@verb("approve")
def approve(
    common: Common,
    chosen: EditionFlags,
    by: Annotated[
        str | None, Option("--by", metavar="NAME", help="Who approves; the user of this machine if not said.")
    ] = None,
    show: Annotated[bool, Option("--show", help="Only say who approved what, and whether it still holds.")] = False,
) -> None:
    """Sign exactly what was built; any change voids it."""
    from digest.editions import approval

    if by is not None and not by.strip():  # a variable of a script that was not set is nobody's word
        message = "--by is empty; it takes the name of who approves"
        raise UsageError(message)
    call = Call(common)
    states, refused = [], list[DigestError]()
    for each in call.editions(chosen):
        try:
            if show:
                state = approval.state(call.newsroom, each, call.now)
            else:
                state = approval.approve(call.newsroom, each, by or _whoever_runs_this(), call.now)
        except DigestError as error:  # the word was given for the others, too
            refused.append(error)
            continue
        states.append(state.as_data())
        for line in state.lines():
            call.out.line(line)
    if common.json and states:  # what was signed beside one that was refused is told, too
        call.out.data(states)
    _tell_refused(call, refused, signed=bool(states))


def _whoever_runs_this() -> str:
    """The name that this machine has for who runs this. Raises UsageError where it knows none, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        message = "this machine has no name for who runs this; say who approves: --by NAME"
        raise UsageError(message) from None


def _tell_refused(call: Call, refused: list[DigestError], *, signed: bool) -> None:
    """Name every edition that was not signed; end with the first reason, which an empty one is not beside others."""
    empty = [error for error in refused if isinstance(error, NothingToSend)]
    wrong = list({str(error): error for error in refused if error not in empty}.values())
    for nothing in empty if signed or wrong else empty[1:]:
        call.out.warn(str(nothing))
    for error in wrong[1:]:
        tell(str(error))
    if wrong or (empty and not signed):
        raise (wrong or empty)[0]
