"""A CSV list as people write it: every good row is a reader, every bad one is named, and nothing else is lost."""

from __future__ import annotations

import csv
import io
import os
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.errors import Fault, FaultyInput
from digest.mail.address import canonical
from digest.model import Recipient
from digest.recipients import columns, csvfile, rows
from digest.recipients.csvfile import CsvSource


@pytest.fixture
def read(tmp_path):
    def read_(data):
        path = tmp_path / "list.csv"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return list(CsvSource(path, name="list.csv").recipients())

    return read_


def addresses(found):
    return [one.address for one in found if isinstance(one, Recipient)]


def faults(found):
    return [str(one) for one in found if isinstance(one, Fault)]


def test_a_row_becomes_a_recipient_with_merge_fields(read):
    """Known columns in any order and case are a reader's own; others become merge fields under a plain name."""
    found = read("Name;City of birth;EMAIL;Topics;Language\nAnn;Bern;Ann@Example.ORG;skills|green jobs;FR_ch\n")
    assert found == [
        Recipient(
            address="Ann@example.org",
            name="Ann",
            language="fr-CH",
            topics=("skills", "green jobs"),
            fields={"city_of_birth": "Bern"},
        )
    ]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_boms_delimiters_and_line_ends_make_no_difference(read, bom, delimiter, end):
    """UTF-8 with or without BOM, three delimiters and three line ends give the same readers on the same lines."""
    rows = ["email,name", "a@example.org,Zoë", "", "bad,x", '"b@example.org","Quoted"']
    found = read(bom + end.join(row.replace(",", delimiter) for row in rows).encode())
    assert addresses(found) == ["a@example.org", "b@example.org"]
    assert faults(found) == ["list.csv:4: email: 'bad' has no @"]


def test_only_addresses_are_a_list_too(read):
    """A file with the one column `email` is a list."""
    assert addresses(read("email\na@example.org\n\nb@example.org\n")) == ["a@example.org", "b@example.org"]


def test_each_bad_address_is_named_with_its_line_and_the_others_go_on(read):
    """FAULTS 13: a@b@c, a@, quoted local parts, bare hosts, literals, long ones, CRLF: refused one by one."""
    bad = [
        "a@b@c.org",
        "a@",
        '"""x@evil y""@good.org"',
        "a@localhost",
        "a@[127.0.0.1]",
        "a" * 65 + "@example.org",
        "a@example.org.",
        "a(comment)@example.org",
        '"a@example.org,c@example.org"',
        '"a@example.org\r\nBcc: x@example.org"',
        "é@example.org",
        "a b@example.org",
        "<a@example.org>",
        "a..b@example.org",
        "",
    ]
    text = "email,name\n" + "".join(f"{row},N\nok{number}@example.org,N\n" for number, row in enumerate(bad))
    found = read(text)
    named = [one for one in found if isinstance(one, Fault)]
    assert addresses(found) == [f"ok{number}@example.org" for number in range(len(bad))]
    lines = text.split("\n")
    assert {lines[one.line - 1] for one in named} == {
        line for row in bad for line in f"{row},N".split("\n") if line != "N"
    }


def test_names_with_every_mark_come_through(read):
    """FAULTS 15: marks and other scripts stay as they are; a line break in a name becomes a blank."""
    names = ['O\'Brien, "Sue" <x>', "a;b(c)@\\", "محمد علی", "陈伟", "نرم‌افزار", "Dr.\nAnn"]
    text = io.StringIO()
    csv.writer(text).writerows([("email", "name"), *((f"r{n}@example.org", name) for n, name in enumerate(names))])
    found = read(text.getvalue())
    assert [one.name for one in found] == [*names[:-1], "Dr. Ann"]


def test_marks_that_turn_text_around_are_taken_out_of_names(read):
    """A bidi override or a control character in a name would disturb what stands around it in the mail."""
    assert read("email,name\na@example.org,Ann\u202e gro\x1b[31m\n")[0].name == "Ann gro"


def test_a_windows_file_that_is_surely_one_is_read(read):
    """All of it Western letters and no UTF-8 anywhere: every name comes through."""
    text = "email,name\na@example.org,Zoë\nb@example.org,Jürgen O’Brien – Straße\nc@example.org,Núñez Ça va\n"
    assert [one.name for one in read(text.encode("cp1252"))] == ["Zoë", "Jürgen O’Brien – Straße", "Núñez Ça va"]


@pytest.mark.parametrize(
    "data",
    [
        "email,name\na@example.org,Zoë\nb@example.org,".encode() + b"Zo\xeb\n",  # both in one file
        "email,name\na@example.org,Иван\n".encode("cp1251"),
        "email,name\na@example.org,Jiří\n".encode("cp1250"),
        "email,name\na@example.org,Wałęsa\n".encode("cp1250"),
        "email,name\na@example.org,Γιώργος\n".encode("cp1253"),
        "email,name\na@example.org,José\n".encode("mac_roman"),
        "email,name\na@example.org,J\u00fcrgen\n".encode("cp850"),
        b"email,name\na@example.org,Zo\x81\n",  # no letter of Windows-1252
        "email,name\na@example.org,Zoë\n".encode("utf-16")[:-1],
    ],
)
def test_an_encoding_that_is_not_certain_is_refused_whole(read, data):
    """Never half a list, and no name that nobody has: the line is named, with the way out."""
    with pytest.raises(FaultyInput, match="save the list as 'CSV UTF-8', nothing of it was read"):
        read(data)


def test_a_nul_is_named(read):
    """A hole in the file is a bad row, in whichever column."""
    found = read(b"email,name,language,topics,x\na\0@example.org\na@example.org,\0\na@example.org,,\0\n"
                 b"a@example.org,,,\0\na@example.org,,,,\0\nb@example.org\n")  # fmt: skip
    assert addresses(found) == ["b@example.org"]
    assert [one.line for one in found if isinstance(one, Fault)] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "list.csv:1: is empty; the first line must name the columns: email,name,language,topics"),
        ("\n \n", "list.csv:3: is empty; the first line must name the columns: email,name,language,topics"),
        (
            "ann@example.org,Ann\n",
            "list.csv:1: email: there is no header; the first line must name them: email,name,language,topics",
        ),
        (
            "\nadresse,name\n",
            "list.csv:2: email: is not among the columns; the first line must name them: email,name,language,topics",
        ),
        ("Email,name,e-mail\n", "list.csv:1: email: stands twice in the header, as columns 1 and 3; keep one"),
        ("email,City,city\n", "list.csv:1: city: stands twice in the header, as columns 2 and 3; keep one"),
    ],
)
def test_a_header_that_cannot_be_one_is_refused(read, text, message):
    """Without a header nobody knows which column is the address: the file as a whole is refused."""
    with pytest.raises(FaultyInput) as refusal:
        read(text)
    assert str(refusal.value) == message


def test_utf16_is_read(read):
    """What Excel calls "Unicode text", with its mark or without, in blocks that end anywhere."""
    rows = "".join(f"r{number}@example.org\tŽofie {number}\r\n" for number in range(20_000))
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        found = read(f"email\tname\r\n{rows}".encode(encoding))
        assert (len(found), found[-1]) == (20_000, Recipient(address="r19999@example.org", name="Žofie 19999"))


def test_what_is_no_file_is_refused(tmp_path):
    """A file that is not there, a folder, and a pipe that would make us wait for ever: each is a line, at once."""
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("gone", "is not there"), ("", "is a folder"), ("pipe", "is not a regular file")):
        with pytest.raises(FaultyInput, match=reason):
            list(CsvSource(tmp_path / name).recipients())


def test_a_quote_that_is_never_closed_costs_one_row(read):
    """A stray quote swallows the rest of a CSV; here it costs its own row, and that row is named."""
    rows = "".join(f"r{number}@example.org,N{number}\n" for number in range(50))
    found = read(f'email,name\na@example.org,"Ann\n{rows}')
    assert addresses(found) == [f"r{number}@example.org" for number in range(50)]
    assert faults(found) == ["list.csv:2: a quote that opens in this row is not closed in it; close it, or remove it"]


def test_a_quote_behind_a_blank_that_begins_no_quoted_text_is_a_sign(read):
    """`, "Bob" Smith` was a name before blanks were passed over, and its reader is mailed; the others, too."""
    found = read(
        'email, name\na@example.org, "Bob" Smith\nb@example.org, "Ann, A"\nc@example.org, "Carl\nd@example.org, D\n'
    )
    assert {each.address: each.name for each in found if isinstance(each, Recipient)} == {
        "a@example.org": '"Bob" Smith', "b@example.org": "Ann, A", "c@example.org": '"Carl', "d@example.org": "D",
    }  # fmt: skip


@pytest.mark.parametrize("closing", ['c@example.org,"Carl"', 'c@example.org,"', '"c@example.org",Carl'])
def test_rows_that_two_stray_quotes_run_together_are_read_one_by_one(read, closing):
    """A stray quote may find a partner rows below: the readers in between are not swallowed as somebody's name."""
    found = read(f'email,name\na@example.org,"Ann\nb@example.org,Bea\n{closing}\nd@example.org,Dan\n')
    named = [one.line for one in found if isinstance(one, Fault)]
    assert named[0] == 2
    assert {"b@example.org", "d@example.org"} <= set(addresses(found))
    assert len(found) == 4


def test_line_breaks_within_quotes_are_counted(read):
    """Lines in messages are the file's lines, also after values that span several."""
    found = read('email,name,note\na@example.org,"Ann\nB","one\r\ntwo"\nbad,x,y\n')
    assert found[0].fields == {"note": "one\ntwo"}
    assert faults(found) == ["list.csv:5: email: 'bad' has no @"]


def test_missing_cells_are_empty_and_extra_ones_are_named(read):
    """Trailing cells may be left out; a value outside the columns means that a delimiter needs quotes."""
    found = read("email,name,language\na@example.org\nb@example.org,Bea,fr,,\nc@example.org,Carl,de,x\n")
    assert found[:2] == [
        Recipient(address="a@example.org"),
        Recipient(address="b@example.org", name="Bea", language="fr"),
    ]
    assert faults(found) == [
        "list.csv:4: has 4 values for 3 columns; a value with the delimiter in it needs quotes around it"
    ]


def test_a_language_that_is_none_is_named(read):
    """A wrong language in silence would be worse than a reader who is named."""
    found = read("email,language\na@example.org,Klingonese\n")
    assert "'Klingonese' is no language" in faults(found)[0]


def test_overlong_values_rows_and_lines_are_named_and_passed_over(read, monkeypatch):
    """A name, a cell, a row or a line beyond all measure is a bad row, and the list goes on."""
    monkeypatch.setattr(csvfile, "BLOCK", 1 << 12)
    monkeypatch.setattr(csvfile, "MAX_LINE", 1 << 18)
    found = read(
        "email,name,note\n"
        f"a@example.org,{'n' * 201},x\n"
        f"a@example.org,n,{'x' * 10_001}\n"
        f"a@example.org,n,{'x' * 140_000}\n"
        f"a@example.org{',' * 300_000}\n"
        "b@example.org,Bea,ok\n"
    )
    assert addresses(found) == ["b@example.org"]
    assert [one.line for one in found if isinstance(one, Fault)] == [2, 3, 4, 5]


def test_a_long_list_takes_no_more_memory_than_a_short_one(tmp_path):
    """Streaming: 40,000 rows more, each with a new topic, add less memory than they have bytes."""
    path = tmp_path / "long.csv"
    with path.open("w") as file:
        file.write("email,name,topics\n")
        file.writelines(
            f"reader{number}@mail{number % 997}.example.org,N{number},t{number}\n" for number in range(60_000)
        )
    source = iter(CsvSource(path).recipients())
    for _ in range(20_000):
        next(source)
    tracemalloc.start()
    count = sum(1 for _ in source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 40_000
    assert peak < 4_000_000


def test_rows_read_together_are_what_they_are_alone(read):
    """Common rows are understood a column at a time; each must be what it is when read by itself, in every field."""
    text = "email,name,language,topics,city\nann.b@example.org,  Zoë  ,FR,a;b,Bern\nc@example.org,,,,\n"
    alone = read(text.replace("c@example.org", "C@EXAMPLE.ORG"))  # out of the ordinary: its batch is read row by row
    together = read(text + text.partition("\n")[2] * 80)
    assert {repr(one) for one in together} == {
        repr(alone[0]),
        repr(Recipient(address="c@example.org", fields={"city": ""})),
    }
    assert type(together[-1]) is Recipient
    assert together[-2] == together[0] == alone[0]
    with pytest.raises(AttributeError):
        together[-1].name = "changed"


@given(st.from_regex(r"[A-Za-z0-9.+_@-]{1,70}@[A-Za-z0-9.-]{1,80}\.(org|test|local|ORG)", fullmatch=True))
@example("a@xn--bcher-kva.example")
@example("a@ab--cd.org")
@example("A.b@EXAMPLE.org")
def test_the_short_way_accepts_exactly_what_canonical_does(address):
    """A common address is judged without asking canonical() again, and the answer is the same each time."""
    reader = rows.RowReader(columns.header(["email"]))
    try:
        expected = canonical(address)
    except ValueError:
        expected = None
    try:
        assert reader.one([address]).address == expected
    except columns.BadRow:
        assert expected is None
    together = reader.many([[address], [address]])
    assert together is None or [one.address for one in together] == [expected] * 2
    assert together is not None or address.count("@") > 1 or expected != address or len(address) > 64 or ".." in address


names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=20)


@given(
    st.lists(st.tuples(names, names, st.sampled_from(["", "en", "pt-BR"])), max_size=12),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, rows, delimiter, end, quoting):
    """Round trip: any names and merge values, any delimiter, line end and quoting come back as they were."""
    path = tmp_path_factory.mktemp("round") / "list.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
        writer.writerow(["email", "name", "language", "topics", "note"])
        writer.writerows((f"r{n}@example.org", name, tag, "", note) for n, (name, note, tag) in enumerate(rows))
    found = list(CsvSource(path).recipients())
    assert [(one.name, one.fields["note"], one.language) for one in found] == rows


class TestWhole:
    def test_written_while_it_is_read(self, tmp_path):
        """A list to which rows are added while it is read is refused as a whole."""
        path = tmp_path / "list.csv"
        path.write_text("email\n" + "".join(f"r{number}@example.org\n" for number in range(20_000)))
        reading = CsvSource(path, name="list.csv").recipients()
        next(reading)
        with path.open("a") as file:
            file.write("late@example.org\n")
        with pytest.raises(FaultyInput, match=r"list\.csv: was written while it was read"):
            list(reading)

    def test_replaced_while_it_is_read(self, tmp_path):
        """A list that is replaced as a whole meanwhile is read as it was."""
        path = tmp_path / "list.csv"
        path.write_text("email\nann@example.org\nbob@example.org\n")
        reading = CsvSource(path).recipients()
        next(reading)
        (tmp_path / "new.csv").write_text("email\n")
        (tmp_path / "new.csv").rename(path)
        assert [row.address for row in reading] == ["bob@example.org"]

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("email\nann@reader.com\nbob@reader.co", 3),
            ("email,name\nann@reader.com,Ann\nbob@reader.co", 3),
            ("email,name,language\r\nann@reader.com,Ann,en\r\nbob@reader.com,Bo", 3),
            ("email,name\nann@reader.com,Ann\n" + "x@reader.com,X\n" * 63 + "bob@reader.co", 66),
            ("email,name\nann@reader.com,Ann\n" + "x@reader.com,X\n" * 62 + "bob@reader.co", 65),
        ],
    )
    def test_a_last_line_cut_off(self, tmp_path, text, line):
        """A last line without an end and with too few values is named with its line, and not mailed."""
        path = tmp_path / "list.csv"
        path.write_bytes(text.encode())
        rows = list(CsvSource(path, name="list.csv").recipients())
        assert {row.address for row in rows if isinstance(row, Recipient)} <= {"ann@reader.com", "x@reader.com"}
        (fault,) = (row for row in rows if isinstance(row, Fault))
        assert (fault.line, "may be cut off" in fault.message) == (line, True)

    def test_a_whole_last_line(self, tmp_path):
        """A last line with all its values is taken, though it has no end."""
        path = tmp_path / "list.csv"
        path.write_text("email,name\nann@reader.com,Ann\nbob@reader.com,Bob")
        assert [row.address for row in CsvSource(path).recipients()] == ["ann@reader.com", "bob@reader.com"]
