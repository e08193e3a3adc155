"""`digest subscribers import`: another list comes in, again and again, and nobody who left comes back with it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import UsageError, gathered
from digest.model import Recipient
from digest.recipients.csvfile import CsvSource
from digest.recipients.list_import import Intake, bring_in
from digest.recipients.subscribers import Change, export, listed
from digest.testing import MemoryLedger

LIST = "email,name,language,topics,city\nann@example.org,Ann,en,water,Bern\nbob@example.org,Bob,,,\n"


@pytest.fixture
def suppressions():
    return MemoryLedger()


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(LIST)
    return path


@pytest.fixture
def take(own, tmp_path, suppressions):
    def take_(text, **how) -> Change:
        other = tmp_path / "other.csv"
        other.write_text(text)
        return bring_in(
            own, CsvSource(other, name="other.csv"), suppressions, "everyone", Intake(**how), now=1.0, name="own.csv"
        )

    return take_


def held(suppressions):
    return {(row.address, row.scope): row.reason for row in suppressions.suppressions()}


def test_who_left_there_is_suppressed_here(take, own, suppressions):
    """Left, bounced, complained and blocked become suppressions; unconfirmed is left out; none becomes a reader."""
    text = ("email,status\nnew@example.org,subscribed\nann@example.org,unsubscribed\nb@example.org,cleaned\n"
            "c@example.org,complained\nd@example.org,blocked\ne@example.org,pending\n")  # fmt: skip
    change = take(text)
    assert (change.added, change.stopped) == (1, 4)
    assert change.inactive == {"unsubscribed": 1, "bounced": 1, "complained": 1, "manual": 1, "unconfirmed": 1}
    assert held(suppressions) == {
        ("ann@example.org", "everyone"): "unsubscribed",
        ("b@example.org", "*"): "bounced",
        ("c@example.org", "*"): "complained",
        ("d@example.org", "*"): "manual",
    }
    assert own.read_text() == LIST + "new@example.org,,,,\n"
    again = take(text)
    assert (again.added, again.stopped, again.already) == (0, 0, 1)


@pytest.mark.parametrize("name", [
    "nonsubscribed_email_audience_export_1a2b.csv", "suppression_unsubscribes.csv", "Bounces 2021.csv",
    "Abgemeldete.csv", "désabonnés.csv", "Newsletter-unsubs.csv", "opt-outs.csv",
])  # fmt: skip
def test_a_file_that_is_called_after_who_has_left_adds_nobody_by_its_name_alone(own, suppressions, tmp_path, name):
    """Mailchimp, SendGrid and others write nothing but addresses into it: without a status it is refused, named."""
    other = tmp_path / name
    other.write_text("Email Address,CONFIRM_TIME\ngone@example.org,\n")
    with pytest.raises(UsageError, match="no column of it says who has left; nobody was added"):
        bring_in(own, CsvSource(other, name=name), suppressions, "everyone", now=1.0)
    assert own.read_text() == LIST
    other.write_text("Email Address,Status\ngone@example.org,unsubscribed\n")
    assert bring_in(own, CsvSource(other, name=name), suppressions, "everyone", now=1.0).stopped == 1


@pytest.mark.parametrize("name", [
    "subscribed_email_audience_export.csv", "readers cleaned.csv", "non-profits.csv",
    "new_subscribers_without_bounces.csv", "subscribers-minus-unsubscribed.csv",
])  # fmt: skip
def test_a_file_of_readers_is_read_whatever_it_is_called(own, suppressions, tmp_path, name):
    """Who tidies a list calls it cleaned."""
    other = tmp_path / name
    other.write_text("email\nnew@example.org\n")
    assert bring_in(own, CsvSource(other, name=name), suppressions, "everyone", now=1.0).added == 1


def test_a_list_may_have_some_hundreds_of_columns(take, own):
    """HubSpot exports all properties; one beside which a name would be read otherwise is left out, the rest comes."""
    more = [f"property_{number}" for number in range(400)]
    names = ["Email", *more[:100], "Vorname", *more[100:]]
    change = take(f"{','.join(names)}\nnew@example.org,{','.join(str(at) for at in range(len(names) - 1))}\n")
    assert change.added == 1
    assert change.notes[-1].startswith("not taken: vorname; ")
    head, *_, row = own.read_text().splitlines()
    assert head.split(",")[5:] == more
    assert row.split(",")[5:] == [str(at) for at in range(len(names) - 1) if at != 100]


def test_no_import_lifts_a_suppression(take, suppressions):
    """An old file says that somebody is subscribed who has left since: they stay suppressed, and it is said."""
    suppressions.suppress("old@example.org", "everyone", "unsubscribed", "", 0.5)
    change = take("email,status\nold@example.org,subscribed\n", sync=True, shrink=True)
    assert change.suppressed == ("old@example.org",)
    assert held(suppressions) == {("old@example.org", "everyone"): "unsubscribed"}


def test_differences_are_told_and_change_nothing(take, own):
    """By default a known reader stays as they are; which columns differ is said, with examples and the way to take."""
    change = take("email,name,topics,city\nANN@example.org,Ann Miller,Gender,Bern\nbob@example.org,,,\n")
    assert own.read_text() == LIST
    assert change.notes == (
        "1 reader differs in name: ann@example.org ('Ann', there 'Ann Miller'); --update name takes the other list's",
        "1 reader differs in topics: ann@example.org ('water', there 'gender'); --update topics takes the other list's",
    )


def test_the_columns_that_are_named_overwrite(take, own):
    """--update: where the other list has something; with --clear, also where it has nothing; twice changes nothing."""
    text = "email,name,language,city\nbob@example.org,Robert,fr,\nann@example.org,,,Basel\n"
    change = take(text, update=("name", "city"))
    assert (change.updated, change.already) == (2, 2)
    after = LIST.replace("bob@example.org,Bob", "bob@example.org,Robert").replace("Bern", "Basel")
    assert own.read_text() == after
    assert take(text, update=("name", "city")).updated == 0
    assert take(text, update=("name",), clear=True).updated == 1
    assert own.read_text() == after.replace("ann@example.org,Ann", "ann@example.org,")


def test_a_column_to_update_that_is_not_there_is_refused(take, own):
    """With what it may have meant; the list stays."""
    with pytest.raises(UsageError, match=r"--update: other\.csv has no column 'nane', did you mean 'name'\?"):
        take("email,name\nann@example.org,X\n", update=("nane",))
    with pytest.raises(
        UsageError, match=r"--update: own\.csv has no column 'shoe'; known here: city, language, name, topics"
    ):
        take("email,shoe\nann@example.org,X\n", update=("shoe",))
    assert own.read_text() == LIST


def test_who_is_missing_goes_only_when_asked(take, own):
    """--sync takes off who is not on the other list; whoever left there is on it."""
    text = "email,status\nann@example.org,unsubscribed\nnew@example.org,subscribed\n"
    assert take(text, sync=True).removed == 1
    assert own.read_text() == LIST.partition("bob")[0] + "new@example.org,,,,\n"
    assert take(text, sync=True) == Change(already=1, inactive={"unsubscribed": 1})


@pytest.mark.parametrize(("rows", "gone", "refused"), [
    (10, 2, False), (10, 3, True), (20, 2, False), (20, 3, True), (100, 10, False), (100, 11, True),
    (2000, 50, False), (2000, 51, True),
])  # fmt: skip
def test_a_sync_that_takes_off_too_many_is_refused(take, own, rows, gone, refused):
    """More than a tenth, or 50, and at least three: nothing changes, and the way on is said."""
    readers = [f"r{number}@example.org\n" for number in range(rows)]
    own.write_text("email\n" + "".join(readers))
    text = "email\n" + "".join(readers[gone:])
    if not refused:
        assert take(text, sync=True).removed == gone
        return
    with pytest.raises(UsageError, match=rf"would take {gone} of {rows:,} readers off own\.csv.*then add --shrink"):
        take(text, sync=True)
    dry = take(text, sync=True, dry_run=True)
    assert (dry.removed, len(dry.notes)) == (gone, 1)
    assert "off own.csv, more than a tenth or 50: r0@example.org; r1@example.org" in dry.notes[0]
    assert dry.notes[0].endswith("; it is not done without --shrink")
    assert own.read_text() == "email\n" + "".join(readers)
    assert take(text, sync=True, shrink=True).removed == gone


TWO = ("Vorname,Name", "Vorname,Nachname", "Prénom,Nom", "first_name,last_name", "nombre,apellidos")


def names(own) -> dict[str, str]:
    rows = (row for row in CsvSource(own).recipients() if isinstance(row, Recipient))
    return {row.address.partition("@")[0]: row.name for row in rows}


@pytest.mark.parametrize("here", TWO)
@pytest.mark.parametrize("there", TWO)
def test_first_and_last_names_stay_whole_in_whatever_language_the_headers_are(take, own, here, there):
    """New readers get theirs in the list's own columns, known ones keep theirs; `--update name` means both."""
    own.write_text(f"email,{here}\nann@example.org,Ann,Silva\n")
    text = f"email,{there}\nbob@example.org,Bob,Le Mann\nann@example.org,Anna,Sylva\n"
    change = take(text)
    assert (change.added, len(change.notes)) == (1, 2)  # two columns differ, and there is none more
    assert own.read_text() == f"email,{here}\nann@example.org,Ann,Silva\nbob@example.org,Bob,Le Mann\n"
    assert names(own) == {"ann": "Ann Silva", "bob": "Bob Le Mann"}
    assert take(text, update=("name",)).updated == 1
    assert names(own) == {"ann": "Anna Sylva", "bob": "Bob Le Mann"}


@pytest.mark.parametrize("two", TWO)
def test_a_name_in_one_column_and_one_in_two_are_the_same_name(take, own, two):
    """Either way nobody's name is lost or said twice, and what was exported is read back."""
    own.write_text("email,name\nann@example.org,Ann Silva\n")
    take(f"email,{two}\nbob@example.org,Bob,Le Mann\nann@example.org,Ann,Silva\n")
    assert names(own) == {"ann": "Ann Silva", "bob": "Bob Le Mann"}
    own.write_text(f"email,{two}\nann@example.org,Ann,Silva\n")
    take("email,name\nbob@example.org,Bob Le Mann\nann@example.org,Ann Silva\n")
    assert names(own) == {"ann": "Ann Silva", "bob": "Bob Le Mann"}
    exported = "".join(export(listed(CsvSource(own), MemoryLedger(), "everyone")))
    assert take(exported) == Change(already=2)


@pytest.mark.parametrize("two", TWO)
def test_a_whole_name_there_overwrites_two_columns_here(take, own, two):
    """It is told where it differs, and `--update name` parts it as far as the reader's own parts are in it."""
    own.write_text(f"email,{two}\nann@example.org,Ann,Sylva\nbob@example.org,Rob,Le Mann\ncid@example.org,C,Xu\n")
    text = "email,name\nann@example.org,Ann Silva\nbob@example.org,Bob Le Mann\ncid@example.org,Dr Cid Zu\n"
    assert (
        take(text).notes[0].startswith("3 readers differ in name: ann@example.org ('Ann Sylva', there 'Ann Silva'); ")
    )
    assert take(text, update=("name",)).updated == 3
    rows = "ann@example.org,Ann,Silva\nbob@example.org,Bob,Le Mann\ncid@example.org,Dr Cid Zu,\n"
    assert own.read_text() == f"email,{two}\n{rows}"
    assert take(text, update=("name",)) == Change(already=3)


def test_a_name_that_first_and_last_name_do_not_make_has_its_own_column(take, own):
    """Nobody is called by a name said twice or cut within a word, and no part is lost; who was there stays."""
    own.write_text("email,first_name,last_name\nann@example.org,Ann,Silva\n")
    text = ("email,name,last_name\nbob@example.org,Dr Bob,Mann\ncid@example.org,Cid Xu-Lee,Lee\n"
            "dan@example.org,Dan van Oort,van Oort\nann@example.org,Ann Silva,Silva\n")  # fmt: skip
    assert take(text).notes == ("own.csv got more columns: name",)
    assert names(own) == {"ann": "Ann Silva", "bob": "Dr Bob", "cid": "Cid Xu-Lee", "dan": "Dan van Oort"}
    assert own.read_text().splitlines()[2:] == [
        "bob@example.org,,Mann,Dr Bob", "cid@example.org,,Lee,Cid Xu-Lee", "dan@example.org,,van Oort,Dan van Oort",
    ]  # fmt: skip
    assert take(text) == Change(already=4)
    own.write_text("email,Vorname,Name\nann@example.org,Ann,Silva\n")  # beside which a name cannot stand
    assert take("email,name,last_name\nbob@example.org,Dr Bob,Mann\n").notes == (
        "not taken: nachname; own.csv would be read otherwise with it, so give it another name",
    )
    assert names(own) == {"ann": "Ann Silva", "bob": "Dr Bob"}


@pytest.mark.parametrize(("here", "there", "new", "kept", "refused"), [
    ("tags", "topics,tags", "water,vip", "water", "tags"), ("sprache", "language,sprache", "fr,de", "fr", "sprache"),
    ("full name", "name,full name", "Neu,Neu Mann", "Neu", "full_name"),
    ("Vorname", "firstname,first name", "Neu,N.", "N.", "firstname"),
])  # fmt: skip
def test_a_column_with_which_the_list_would_be_read_otherwise_is_not_taken(take, own, here, there, new, kept, refused):
    """The header stays one, every reader keeps what they have, and what was not taken is told."""
    own.write_text(f"email,{here}\nann@example.org,de\n")
    change = take(f"email,{there}\nbob@example.org,{new}\n")
    assert own.read_text() == f"email,{here}\nann@example.org,de\nbob@example.org,{kept}\n"
    assert [note.partition(";")[0] for note in change.notes] == [f"not taken: {refused}"]
    assert len(list(CsvSource(own).recipients())) == 2


def test_a_row_that_cannot_be_read_takes_nobody_off(take, own):
    """It may be the row of the reader who seems to be missing."""
    with pytest.raises(UsageError, match=r"other\.csv:3: email: 'bob' has no @"):
        take("email\nann@example.org\nbob\n", sync=True)
    assert own.read_text() == LIST


def test_a_trial_changes_nothing_and_says_the_same(take, own, suppressions):
    """--dry-run: neither the list nor the suppressions; then the import does what was said."""
    text = "email,name,status,age\nann@example.org,A,,\nx@example.org,X,left,\nnew@example.org,N,subscribed,7\n"
    how = {"update": ("name",), "sync": True}
    trial = take(text, dry_run=True, **how)
    assert (own.read_text(), held(suppressions)) == (LIST, {})
    assert (trial.added, trial.updated, trial.removed, trial.stopped) == (1, 1, 1, 1)
    assert trial.notes == ("own.csv would get more columns: age",)
    real = take(text, **how)
    assert (real.added, real.updated, real.removed, real.stopped) == (1, 1, 1, 1)
    assert own.read_text() == (
        "email,name,language,topics,city,age\nann@example.org,A,en,water,Bern\nnew@example.org,N,,,,7\n"
    )


def test_every_other_byte_of_the_list_stays(take, own):
    """BOM, delimiter, line ends, quotes and bad rows; a row is replaced in its own way of writing."""
    own.write_bytes(b'\xef\xbb\xbfName;E-Mail\r\n"B; Bob";bob@example.org\r\nbroken;row\r\n"Carl";c@example.org')
    change = take("email,name,town\nC@example.org,Karl,\nd@example.org,Dora,Bern\n", update=("name",))
    assert (change.updated, change.added) == (1, 1)
    assert own.read_bytes() == (
        b'\xef\xbb\xbfName;E-Mail;town\r\n"B; Bob";bob@example.org\r\nbroken;row\r\nKarl;c@example.org\r\n'
        b"Dora;d@example.org;Bern\r\n"
    )


def test_a_list_with_a_status_of_its_own_takes_readers_as_subscribed(take, own):
    """A new row says what the list's own column asks for, so that its reader is mailed."""
    own.write_text("email,status,opt_in\na@example.org,subscribed,yes\n")
    take("email\nnew@example.org\n")
    assert [row.address for row in CsvSource(own).recipients() if isinstance(row, Recipient)] == [
        "a@example.org",
        "new@example.org",
    ]


def test_the_same_mistake_of_many_rows_is_said_once(take):
    """With its count and three examples; another mistake has its own line."""
    change = take("email\n" + "".join(f"reader{number}\n" for number in range(394)) + "a@b@c.org\n")
    assert gathered(change.faults) == [
        "other.csv: email: 394 rows like these: 2: 'reader0' has no @; 3: 'reader1' has no @; 4: 'reader2' has no @",
        "other.csv:396: email: 'a@b@c.org' has more than one @",
    ]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("leave"), st.integers(0, 5)),
        st.tuples(st.just("import"), st.lists(st.tuples(st.integers(0, 5), st.sampled_from(
            ["subscribed", "unsubscribed", "bounced", "pending", "odd", ""]))), st.booleans(), st.booleans()),
    ), max_size=12,
)  # fmt: skip


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whoever_left_once_is_never_mailed_again(tmp_path_factory, steps):
    """Property: any order of leaving and importing, with every option, brings nobody back; imports twice are once."""
    folder, suppressions, gone = tmp_path_factory.mktemp("lists"), MemoryLedger(), set()
    own, other = folder / "own.csv", folder / "other.csv"
    own.write_text("email,name\nr0@example.org,\nr1@example.org,\n")
    for step in steps:
        if step[0] == "leave":
            suppressions.suppress(f"r{step[1]}@example.org", "everyone", "unsubscribed", "", 1.0)
            gone.add(f"r{step[1]}@example.org")
            continue
        _, rows, sync, update = step
        other.write_text(
            "email,name,status\nalways@example.org,,subscribed\n"
            + "".join(f"r{number}@example.org,N{number},{status}\n" for number, status in rows)
        )
        how = Intake(sync=sync and all(status != "odd" for _, status in rows), shrink=True,
                     update=("name",) if update else ())  # fmt: skip
        gone |= {f"r{number}@example.org" for number, status in rows if status in ("unsubscribed", "bounced")}
        bring_in(own, CsvSource(other), suppressions, "everyone", how, now=2.0)
        before = own.read_bytes()
        again = bring_in(own, CsvSource(other), suppressions, "everyone", how, now=3.0)
        assert (own.read_bytes(), again.added, again.removed, again.stopped) == (before, 0, 0, 0)
    entries = list(listed(CsvSource(own), suppressions, "everyone"))
    assert not {entry.recipient.address for entry in entries if not entry.why} & gone


PEOPLE = (("", ""), ("Ann", "Silva"), ("Bob", "Le Mann"), ("Cid", ""), ("", "Xu"))
NAMED = {  # columns of a name, and what stands in them
    (): lambda _first, _last: (),
    ("name",): lambda first, last: (f"{first} {last}".strip(),),
    ("Nom complet",): lambda first, last: (f"{first} {last}".strip(),),
    ("Vorname", "Name"): lambda first, last: (first, last),
    ("last_name", "First name"): lambda first, last: (last, first),
    ("Prénom",): lambda first, _last: (first,),
    ("apellidos",): lambda _first, last: (last,),
    ("full name", "last_name"): lambda first, last: (f"Dr {first}".strip(), last),
}
MORE = {"Sprache": "de", "language": "fr", "tags": "vip", "topics": "water", "city": "Bern", "status": "subscribed"}


@st.composite
def written(draw, *addresses):
    """A list of these addresses, as some tool may write it, and what each of its readers is called there."""
    columns = draw(st.sampled_from(sorted(NAMED)))
    more = draw(st.lists(st.sampled_from(sorted(MORE)), unique=True, max_size=4))
    order = draw(st.permutations(["email", *columns, *more]))
    lines = [",".join(order)]
    for address in addresses:
        values = dict(zip(columns, NAMED[columns](*draw(st.sampled_from(PEOPLE))), strict=True))
        values |= {column: draw(st.sampled_from(["", MORE[column]])) for column in more}
        lines.append(",".join({"email": address, **values}[column] for column in order))
    return "\n".join(lines) + "\n"


def seen(path):
    rows = [row for row in CsvSource(path).recipients() if isinstance(row, Recipient)]
    return {row.address: (row.name, row.language, row.topics) for row in rows}


@given(written("ann@x.org", "bob@x.org"), written("bob@x.org", "new@x.org"))
@settings(max_examples=150)
def test_whatever_list_comes_into_whatever_list_both_are_read_as_they_were(tmp_path_factory, here, there):
    """Who was on it is called and chosen as before, who is new as in the file; what goes out comes back the same."""
    own, other = (tmp_path_factory.mktemp("lists") / "own.csv", tmp_path_factory.mktemp("lists") / "other.csv")
    own.write_text(here)
    other.write_text(there)
    before, theirs, ledger = seen(own), seen(other), MemoryLedger()
    bring_in(own, CsvSource(other), ledger, "everyone", now=1.0)
    after = seen(own)
    assert {address: after[address] for address in before} == before
    assert all(mine == said or not said for mine, said in zip(after["new@x.org"], theirs["new@x.org"], strict=True))
    other.write_text("".join(export(listed(CsvSource(own), ledger, "everyone"), everyone=True)))
    assert seen(other) == after
