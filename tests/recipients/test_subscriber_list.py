"""`digest subscribers`: a reader is added or taken off, and every other byte of the list stays as it was."""

from __future__ import annotations

import csv
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import Fault, FaultyInput, UsageError
from digest.model import Recipient
from digest.recipients import list_import, subscribers
from digest.recipients.csvfile import CsvSource
from digest.recipients.segments import Segment
from digest.recipients.subscribers import Change, ListEntry
from digest.testing import MemoryLedger

LIST = (
    b'\xef\xbb\xbfName;E-Mail;Notes;City\r\n"B; Bob";Bob@Example.org;"two\r\nlines";Rome\r\n'
    b"broken;row;;\r\nCarl;c@example.org;;"
)


@pytest.fixture
def suppressions():
    return MemoryLedger()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(LIST)
    return path


def add(path, suppressions, address, **values):
    return subscribers.add(path, Recipient(address=address, **values), suppressions, "everyone", name="list.csv")


def test_a_reader_is_added_in_the_lists_own_columns(path, suppressions):
    """BOM, delimiter, line ends, order, unknown columns and bad rows stay; the last line gets its end."""
    change = add(path, suppressions, "Ann@EXAMPLE.org", name="Ann; A", fields={"city": "Bern"})
    assert change == Change(added=1)
    assert path.read_bytes() == LIST + b'\r\n"Ann; A";Ann@example.org;;Bern\r\n'


def test_an_address_that_is_there_already_is_said(path, suppressions):
    """In whatever case: the list is not touched, and the line is named."""
    change = add(path, suppressions, "bob@example.ORG")
    assert change == Change(already=1, notes=("list.csv:2: bob@example.org is on the list already",))
    assert path.read_bytes() == LIST


def test_a_reader_who_has_left_stays_suppressed_when_added_again(path, suppressions):
    """FAULTS 14: the list may hold the address; the suppression still beats it, and the change says so."""
    suppressions.suppress("ANN@example.org", "everyone", "unsubscribed", "", 1.0)
    change = add(path, suppressions, "ann@example.org")
    assert change.suppressed == ("ann@example.org",)
    assert "not mailed until" in change.notes[0]
    entries = {one.recipient.address: one.suppressed for one in
               subscribers.listed(CsvSource(path), suppressions, "everyone") if isinstance(one, ListEntry)}  # fmt: skip
    assert entries == {"Bob@example.org": False, "c@example.org": False, "ann@example.org": True}


def test_who_is_there_already_and_is_not_mailed_is_said(tmp_path, suppressions):
    """Neither by a suppression, nor by the word of the list's own row: nobody thinks that it is done."""
    path = tmp_path / "list.csv"
    path.write_text("email,status\nann@example.org,subscribed\nbob@example.org,unsubscribed\n")
    suppressions.suppress("ann@example.org", "everyone", "unsubscribed", "", 1.0)
    on, held = add(path, suppressions, "Ann@example.org").notes
    assert (on, "not mailed until `unsuppress`" in held) == ("list.csv:2: Ann@example.org is on the list already", True)
    (said,) = add(path, suppressions, "bob@example.org").notes
    assert "bob@example.org is on the list already, and not mailed by it (" in said


def test_a_list_that_is_not_there_is_begun(tmp_path, suppressions):
    """The first reader of a new audience makes the file, with the usual header."""
    add(tmp_path / "new" / "list.csv", suppressions, "a@example.org", topics=("skills", "gender"))
    assert (tmp_path / "new" / "list.csv").read_text() == "email,name,language,topics\na@example.org,,,skills;gender\n"


@pytest.mark.parametrize("address", ["", "a@b", "a@example.org\r\nBcc: x@example.org"])
def test_an_address_that_cannot_be_mailed_is_not_added(path, suppressions, address):
    """One line says why, and the list is untouched."""
    with pytest.raises(UsageError):
        add(path, suppressions, address)
    assert path.read_bytes() == LIST


def test_a_merge_field_without_a_column_is_refused(path, suppressions):
    """A value that the list cannot hold would be lost in silence."""
    with pytest.raises(UsageError, match=r"list\.csv has no column town"):
        add(path, suppressions, "a@example.org", fields={"town": "Bern"})


def test_a_row_that_goes_takes_no_word_of_leaving_with_it(tmp_path, suppressions):
    """Who has left by the list's own status stays unmailed, taken off by hand or by --sync, and added again."""
    rows = "email,status\nann@h.pt,active\nzoe@h.pt,unsubscribed\nyan@h.pt,bounced\nida@h.pt,unconfirmed\n"
    path, other = tmp_path / "list.csv", tmp_path / "other.csv"
    path.write_text(rows)
    change = subscribers.remove(path, "ZOE@h.pt", suppressions, "everyone", now=1.0)
    assert change.removed == 1
    assert change.notes == ("suppressed here, as a row that is taken off kept them from being mailed: 1",)
    assert set(suppressions.suppressed(["zoe@h.pt"], "everyone")) == {"zoe@h.pt"}
    assert not set(suppressions.suppressed(["zoe@h.pt"], "another"))  # she left this one
    assert subscribers.add(path, subscribers.reader("zoe@h.pt"), suppressions, "everyone").suppressed == ("zoe@h.pt",)
    path.write_text(rows)
    other.write_text("email\nann@h.pt\n")
    source = CsvSource(other, name="other.csv")
    for dry_run in (True, False):
        how = list_import.Intake(sync=True, shrink=True, dry_run=dry_run)
        change = list_import.bring_in(path, source, suppressions, "everyone", how, now=2.0)
        assert change.removed == 3
        assert bool(set(suppressions.suppressed(["yan@h.pt"], "another"))) != dry_run  # a bounce is for all
        assert any(note.endswith("kept them from being mailed: 1") for note in change.notes)
    assert not set(suppressions.suppressed(["ann@h.pt", "ida@h.pt"], "everyone"))


def test_an_export_of_everyone_is_the_list_whole(tmp_path, suppressions):
    """Name, language, topics and columns of one's own: also of who is not mailed, the first row or a repeated one."""
    path, back = tmp_path / "list.csv", tmp_path / "back.csv"
    path.write_text(
        "email,status,name,language,topics,city\n"
        "zoe@h.pt,unsubscribed,Zoe,pt,water,Faro\n"
        "odd@h.pt,bounced,Odd,no language at all,water,Rome\n"
        "ann@h.pt,active,Ann,fr,skills;youth,Bern\n"
        "ZOE@h.pt,active,Zoe Two,en,,Oslo\n"
        "cut@h.pt,active,Cut,de,,Graz\n"
    )
    suppressions.suppress("cut@h.pt", "*", "complained", "", 1.0)
    back.write_text(
        "".join(subscribers.export(subscribers.listed(CsvSource(path), suppressions, "all"), everyone=True))
    )
    assert back.read_text() == (
        "email,name,language,topics,city,status\n"
        "zoe@h.pt,Zoe,pt,water,Faro,unsubscribed\n"
        "odd@h.pt,Odd,,water,Rome,bounced\n"  # what cannot be read of one who is not mailed is left out
        "ann@h.pt,Ann,fr,skills;youth,Bern,subscribed\n"
        "ZOE@h.pt,Zoe Two,en,,Oslo,unsubscribed\n"
        "cut@h.pt,Cut,de,,Graz,complained\n"
    )


@pytest.mark.parametrize("scope", ["*", "everyone"])
@pytest.mark.parametrize("reason", ["unsubscribed", "bounced", "complained", "manual"])
def test_what_an_export_says_of_who_is_not_mailed_is_read_back_as_that(tmp_path, suppressions, scope, reason):
    """Each word that digest writes itself is one that it knows, and says nothing that was not known: no wider scope."""
    path, back = tmp_path / "list.csv", tmp_path / "back.csv"
    path.write_text("email\nann@h.pt\nbob@h.pt\n")
    suppressions.suppress("ann@h.pt", scope, reason, "", 1.0)
    entries = subscribers.listed(CsvSource(path), suppressions, "everyone")
    back.write_text("".join(subscribers.export(entries, everyone=True)))
    before = [*suppressions.suppressions()]
    change = list_import.bring_in(path, CsvSource(back), suppressions, "everyone", now=2.0)
    assert change == Change(already=1, inactive={reason: 1})
    assert [*suppressions.suppressions()] == before
    new = MemoryLedger()
    assert list_import.bring_in(tmp_path / "new.csv", CsvSource(back), new, "everyone", now=2.0).added == 1
    assert [row.reason for row in new.suppressions()] == [reason]


def test_an_export_says_the_worst_of_what_the_row_and_a_suppression_say(tmp_path, suppressions):
    """Who never confirmed, and has left: taken elsewhere as unconfirmed, the next file would bring them in."""
    path = tmp_path / "list.csv"
    path.write_text("email,status\nann@h.pt,pending\nbob@h.pt,bounced\ncid@h.pt,pending\n")
    for address in ("ann@h.pt", "bob@h.pt"):
        suppressions.suppress(address, "everyone", "unsubscribed", "", 1.0)
    entries = [*subscribers.listed(CsvSource(path), suppressions, "everyone")]
    assert [entry.status for entry in entries] == ["unsubscribed", "bounced", "unconfirmed"]
    assert [entry.why for entry in entries] == [
        "unsubscribed",
        "bounced (status: bounced)",
        "unconfirmed (status: pending)",
    ]


def test_a_file_that_says_otherwise_of_a_reader_is_not_passed_over(tmp_path, suppressions):
    """Who is not confirmed there and mailed here, and the other way round: named, and with --sync taken off."""
    path, other = tmp_path / "list.csv", tmp_path / "other.csv"
    rows = "email,status\nmax@h.pt,active\neva@h.pt,pending\nann@h.pt,active\n"
    path.write_text(rows)
    other.write_text("email,status\nmax@h.pt,pending\nEva@h.pt,active\nann@h.pt,active\nann@h.pt,pending\n")
    source = CsvSource(other, name="other.csv")
    change = list_import.bring_in(path, source, suppressions, "everyone", now=1.0, name="list.csv")
    assert change.notes == (
        "1 reader has not confirmed by the file, and stays on list.csv and mailed: max@h.pt; --sync takes them off",
        "1 reader is not mailed by list.csv itself, whatever the file says: eva@h.pt (status: pending)",
    )
    assert path.read_text() == rows
    how = list_import.Intake(sync=True)
    assert list_import.bring_in(path, source, suppressions, "everyone", how, now=1.0).removed == 1
    assert path.read_text() == rows.replace("max@h.pt,active\n", "")
    everyone = "".join(subscribers.export(subscribers.listed(CsvSource(path), suppressions, "all"), everyone=True))
    other.write_text(everyone)  # one's own list, whole: nothing changes
    again = list_import.bring_in(path, CsvSource(other), suppressions, "everyone", how, now=1.0)
    assert (again.removed, again.added, again.notes) == (0, 0, ())


def test_a_reader_is_taken_off_with_all_their_lines(path, suppressions):
    """Every row with the address goes, in whatever case and over several lines; the neighbours stay byte by byte."""
    remove = partial(subscribers.remove, suppressions=suppressions, audience="everyone", now=1.0)
    assert remove(path, "BOB@example.org") == Change(removed=1)
    assert path.read_bytes() == LIST.replace(b'"B; Bob";Bob@Example.org;"two\r\nlines";Rome\r\n', b"")
    assert remove(path, "bob@example.org", name="l").notes == ("bob@example.org is not on l",)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_who_stands_before_the_last_row_is_still_read_when_that_is_taken_off(tmp_path, suppressions, end):
    """Of a list whose last line has no end: the line before keeps its own, or its reader would look cut off."""
    path = tmp_path / "list.csv"
    path.write_bytes(f"email,name,city{end}ann@h.pt,Ann{end}bob@h.pt,Bob,Faro".encode())
    assert subscribers.remove(path, "bob@h.pt", suppressions, "everyone", now=1.0).removed == 1
    assert path.read_bytes() == f"email,name,city{end}ann@h.pt,Ann{end}".encode()
    assert [row.address for row in CsvSource(path).recipients()] == ["ann@h.pt"]


@pytest.mark.parametrize("verb", ["remove", "sync"])
def test_a_row_of_a_file_that_two_audiences_share_keeps_its_word_for_both(tmp_path, suppressions, verb):
    """Who has left by the list's own status has left both: taken off for one, an import for the other mails nobody."""
    path, other = tmp_path / "list.csv", tmp_path / "other.csv"
    path.write_text("email,status\nzoe@h.pt,unsubscribed\nann@h.pt,active\n")
    other.write_text("email\nann@h.pt\n")
    if verb == "remove":
        change = subscribers.remove(path, "zoe@h.pt", suppressions, "press", now=1.0, name="l", sharing=("all",))
    else:
        how, source = list_import.Intake(sync=True), CsvSource(other)
        change = list_import.bring_in(path, source, suppressions, "press", how, now=1.0, name="l", sharing=("all",))
    assert change.notes == (
        "l is the list of all, too: who is taken off is not mailed there either",
        "suppressed here, as a row that is taken off kept them from being mailed: 1",
    )
    assert {row.scope for row in suppressions.suppressions()} == {"press", "all"}


def test_a_bad_row_is_somebodys_too(tmp_path, suppressions):
    """Who cannot be read whole is on the list: not added again beside it, brought in only into it, and taken off."""
    path, other = tmp_path / "list.csv", tmp_path / "other.csv"
    rows = "email,language,status\nann@h.pt,klingonish,active\nbea@h.pt,en,weg\ncid@h.pt,en,active\n"
    path.write_text(rows)
    assert "left out of it: 'klingonish' is no language" in add(path, suppressions, "Ann@h.pt").notes[0]
    assert "and not mailed by it (status: weg)" in add(path, suppressions, "bea@h.pt").notes[0]
    other.write_text("email,language\nann@h.pt,fr\nbea@h.pt,en\n")
    source, how = CsvSource(other), list_import.Intake(update=("language",))
    change = list_import.bring_in(path, source, suppressions, "everyone", how, now=1.0)
    assert (change.added, change.updated) == (0, 1)
    assert "1 reader is not mailed by" in change.notes[0]
    assert path.read_text() == rows.replace("klingonish", "fr")
    assert subscribers.remove(path, "bea@h.pt", suppressions, "everyone", now=1.0).notes == (
        "suppressed here, as a row that is taken off kept them from being mailed: 1",
    )
    assert set(suppressions.suppressed(["bea@h.pt"], "everyone")) == {"bea@h.pt"}  # in doubt, not mailed
    path.write_text(rows)
    assert subscribers.remove(path, "ann@h.pt", suppressions, "everyone", now=1.0) == Change(removed=1)
    assert path.read_text() == rows.replace("ann@h.pt,klingonish,active\n", "")


def test_nothing_is_written_behind_a_line_that_may_be_cut_off(tmp_path, suppressions):
    """With a row after it nobody would doubt `ann@example.co` any more; taking it off is fine."""
    path, other = tmp_path / "list.csv", tmp_path / "other.csv"
    path.write_text("email\nann@example.co")
    other.write_text("email,status\nbob@h.pt,subscribed\nzoe@h.pt,unsubscribed\n")
    with pytest.raises(
        FaultyInput, match=r"list\.csv:2: is the last line and has no end, so it may be cut off: 'ann@exa"
    ):
        add(path, suppressions, "bob@h.pt")
    with pytest.raises(FaultyInput, match=r"list\.csv:2: is the last line and has no end"):
        list_import.bring_in(path, CsvSource(other), suppressions, "everyone", now=1.0)
    assert path.read_text() == "email\nann@example.co"
    assert not list(suppressions.suppressions())
    assert subscribers.remove(path, "ann@example.co", suppressions, "everyone", now=1.0).removed == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("value", ["two\nlines", "'=1", "''@x", 'a "b", c', "=1"])
def test_whatever_a_new_reader_has_is_read_back_and_the_list_stays_one(tmp_path, suppressions, end, value):
    """Breaks are as the list's lines end (an old Mac's was unreadable), apostrophes stay: added and overwritten."""
    path, other = tmp_path / "list.csv", tmp_path / "other.csv"
    path.write_bytes(f"email,city{end}ann@h.pt,{end}bob@h.pt,Faro{end}".encode())
    other.write_text("".join(subscribers.export(
        ListEntry(recipient=Recipient(address=address, fields={"city": value})) for address in ("ann@h.pt", "new@h.pt")
    )), newline="")  # fmt: skip
    how = list_import.Intake(update=("city",))
    list_import.bring_in(path, CsvSource(other), suppressions, "everyone", how, now=1.0)
    rows = [(row.address, row.fields["city"]) for row in CsvSource(path).recipients()]
    assert rows == [("ann@h.pt", value), ("bob@h.pt", "Faro"), ("new@h.pt", value)]


def test_another_list_is_taken_in(path, tmp_path, suppressions):
    """New readers come at the end, with columns of their own; known, bad and suppressed ones are counted and named."""
    suppressions.suppress("left@example.org", "*", "complained", "", 1.0)
    other = tmp_path / "other.csv"
    other.write_text("email,city,shoe size\nBOB@example.org,x,1\nnew@example.org,Bern,42\nbad,,\n"
                     "left@example.org,,\nNEW@example.org,,\n")  # fmt: skip
    change = list_import.bring_in(path, CsvSource(other, name="o"), suppressions, "everyone", now=1.0, name="list.csv")
    assert change == Change(
        added=2,
        already=2,
        suppressed=("left@example.org",),
        faults=(Fault(file="o", line=4, key="email", message="'bad' has no @"),),
        notes=(
            "list.csv got more columns: shoe_size",
            "1 reader differs in city: Bob@example.org ('Rome', there 'x'); --update city takes the other list's",
        ),
    )
    wider = LIST.replace(b"Notes;City\r\n", b"Notes;City;shoe_size\r\n")
    assert path.read_bytes() == wider + b"\r\n;new@example.org;;Bern;42\r\n;left@example.org;;;\r\n"


def test_taking_in_the_same_list_again_changes_nothing(path, tmp_path, suppressions):
    """Idempotent: the second import adds nobody and does not write."""
    other = tmp_path / "other.csv"
    other.write_text("email\nnew@example.org\n")
    list_import.bring_in(path, CsvSource(other), suppressions, "everyone", now=1.0)
    before = path.stat().st_ino
    assert list_import.bring_in(path, CsvSource(other), suppressions, "everyone", now=1.0) == Change(already=1)
    assert path.stat().st_ino == before


def test_export_leaves_out_who_has_left_and_can_be_read_back(path, tmp_path, suppressions):
    """The export is a list again, with merge fields; suppressed readers only when asked for."""
    suppressions.suppress("c@example.org", "everyone", "unsubscribed", "", 1.0)

    def export(everyone):
        entries = subscribers.listed(CsvSource(path), suppressions, "everyone")
        (tmp_path / "out.csv").write_text("".join(subscribers.export(entries, everyone=everyone)), newline="")
        return list(CsvSource(tmp_path / "out.csv").recipients())

    bob = Recipient(address="Bob@example.org", name="B; Bob", fields={"notes": "two\nlines", "city": "Rome"})
    assert export(everyone=False) == [bob]
    assert [one.address for one in export(everyone=True)] == ["Bob@example.org", "c@example.org"]


@pytest.mark.parametrize(
    "cell", ["=1+1", "@SUM(A1)", "+x", "-cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "'=1", "''@x"]
)
def test_an_exported_cell_is_nothing_that_a_spreadsheet_runs(cell, tmp_path):
    """A formula in somebody's name is shown as text, and reading the export back gives the name again."""
    reader = Recipient(address="=a@example.org", name=cell, fields={"city": cell})
    (tmp_path / "out.csv").write_text("".join(subscribers.export([ListEntry(recipient=reader)])), newline="")
    with (tmp_path / "out.csv").open(newline="") as file:
        assert all(value == "" or value[0] not in "=@+-" for row in csv.reader(file) for value in row)
    assert list(CsvSource(tmp_path / "out.csv").recipients()) == [reader]


@pytest.mark.parametrize("cell", ["+41 22 799 61 11", "-5", "-3,50", "O'Neil", "'tis", "a=b", "(02) 1-2"])
def test_an_exported_number_or_name_stays_as_it_is(cell):
    """What no spreadsheet runs gets no apostrophe."""
    reader = Recipient(address="a@example.org", name=cell)
    rows = csv.reader("".join(subscribers.export([ListEntry(recipient=reader)])).splitlines())
    assert [row[1] for row in rows][1] == cell


@given(st.lists(st.text(st.sampled_from("'=@+-1a ."), max_size=8), min_size=1, max_size=3))
def test_every_export_is_read_back_as_it_was(cells):
    """Whatever a reader's columns hold, the list that comes back is the list that went out."""
    fields = {f"column_{number}": cell.strip() for number, cell in enumerate(cells)}
    reader = Recipient(address="a@example.org", fields=fields)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.csv"
        out.write_text("".join(subscribers.export([ListEntry(recipient=reader)])), newline="")
        assert list(CsvSource(out).recipients()) == [reader]


def test_who_stands_twice_on_a_list_is_mailed_and_exported_once(tmp_path, suppressions):
    """By the first row that may be mailed, as the freeze decides; an export of everyone has the others, too."""
    path = tmp_path / "list.csv"
    path.write_text("email,topics\nann@h.pt,youth\nbob@h.pt,water\nANN@h.pt,water\nann@H.pt,water\nBob@h.pt,water\n")
    entries = [*subscribers.listed(CsvSource(path), suppressions, "all", Segment(topics=("water",)))]
    assert [entry.why for entry in entries] == ["has none of the topics water", "", "", *["on the list twice"] * 2]
    rows = [text.partition(",")[0] for text in subscribers.export(entries)]
    assert rows == ["email", "bob@h.pt", "ANN@h.pt"]
    assert len([*subscribers.export(entries, everyone=True)]) == 6


def test_an_empty_export_is_still_a_list():
    """A list of nobody has its header."""
    assert "".join(subscribers.export([])) == "email,name,language,topics\n"


def test_suppressing_by_hand_and_back(suppressions):
    """Suppress says whether it was new, whatever the case; unsuppress takes it away, with a reason that is kept."""
    assert subscribers.suppress(suppressions, "Ann@EXAMPLE.org", "*", now=1.0)
    assert not subscribers.suppress(suppressions, "ann@example.org", "*", now=2.0)
    assert suppressions.suppressed(["ANN@example.org"], "everyone")
    with pytest.raises(UsageError, match="--because"):
        subscribers.unsuppress(suppressions, "ann@example.org", "*", now=3.0)
    assert subscribers.unsuppress(suppressions, "ann@example.org", "*", now=3.0, because="she asked").lifted
    assert not subscribers.unsuppress(suppressions, "ann@example.org", "*", now=3.0, because="she asked").lifted
    assert not suppressions.suppressed(["ann@example.org"], "everyone")


def test_a_bounce_is_lifted_as_such_and_what_still_holds_is_said(suppressions):
    """A bounce needs no words; a leaving that came after it still holds, and is named."""
    suppressions.suppress("ann@example.org", "*", "bounced", "550 5.1.1", 1.0)
    suppressions.suppress("ann@example.org", "everyone", "unsubscribed", "by mail", 2.0)
    lifting = subscribers.unsuppress(suppressions, "Ann@example.org", "*", now=3.0)
    assert [row.reason for row in lifting.lifted] == ["bounced"]
    assert [(row.scope, row.reason) for row in lifting.held] == [("everyone", "unsubscribed")]
    assert suppressions.suppressed(["ann@example.org"], "everyone")


def test_only_a_known_address_is_suppressed(suppressions):
    """An address that cannot be one is refused."""
    with pytest.raises(UsageError, match="has no @"):
        subscribers.suppress(suppressions, "ann", "*", now=1.0)


def test_a_list_behind_a_link_is_changed_where_it_lies(path, tmp_path, suppressions):
    """The link stays a link."""
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    add(link, suppressions, "a@example.org")
    assert link.is_symlink()
    assert b"a@example.org" in path.read_bytes()


def test_the_files_mode_is_kept(path, suppressions):
    """A list of addresses that only its owner could read stays so."""
    path.chmod(0o600)
    add(path, suppressions, "a@example.org")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_who_add_at_once_both_succeed(path, suppressions):
    """The folder's lock: nobody's reader is lost to a file that was read before and written after."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add(path, suppressions, f"r{number}@example.org"), range(40)))
    found = {one.address for one in CsvSource(path).recipients() if isinstance(one, Recipient)}
    assert {f"r{number}@example.org" for number in range(40)} <= found


def test_a_file_that_is_no_list_is_not_touched(tmp_path, suppressions):
    """Adding to a file without the header would make it worse."""
    path = tmp_path / "notes.txt"
    path.write_text("hello\n")
    with pytest.raises(FaultyInput, match="email: is not among the columns"):
        add(path, suppressions, "a@example.org")
    assert path.read_text() == "hello\n"


names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12)


@settings(max_examples=20)
@given(st.lists(names, min_size=1, max_size=8), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_adding_and_removing_comes_back_to_the_same_bytes(tmp_path_factory, suppressions, given_names, end):
    """Property: add any readers, remove them again, and the file is what it was."""
    path = tmp_path_factory.mktemp("list") / "list.csv"
    before = end.join([b"email,name", b"first@example.org,First", b"last@example.org,", b""])
    path.write_bytes(before)
    for number, name in enumerate(given_names):
        add(path, suppressions, f"r{number}@example.org", name=name)
    found = [one.name for one in CsvSource(path).recipients()]
    assert found == ["First", "", *given_names]
    for number in range(len(given_names)):
        assert subscribers.remove(path, f"R{number}@example.org", suppressions, "everyone", now=1.0).removed == 1
    assert path.read_bytes() == before
