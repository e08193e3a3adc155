"""An issue file says what stands beside the stories, for one audience or all, in each language; or what is wrong."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from every_block import CONFIG, EVERY_BLOCK, newsroom
from PIL import Image

from digest.blocks.kinds import KINDS, LetterBlock
from digest.config import load
from digest.editions import approval, build_folder
from digest.editions.builder import build_edition
from digest.errors import ApprovalError, ConfigError, IssueError
from digest.issues.issue_file import as_record, issue_of, of_record, read, schema
from digest.model import Issue, content_hash
from digest.newsroom.newsroom import open_newsroom

NOW = datetime(2022, 3, 1, 9, tzinfo=ZoneInfo("Europe/Zurich"))


@pytest.fixture
def root(tmp_path, monkeypatch):
    picture = io.BytesIO()
    Image.new("RGB", (120, 90), "#1e2dbe").save(picture, "PNG")
    monkeypatch.chdir(tmp_path)
    return newsroom(tmp_path, picture.getvalue(), stories=3)


@pytest.mark.parametrize("words", ["a\\u2067b", "a\\U000e0041b", "a\\U0002fffeb"])
@pytest.mark.parametrize("text", ['intro: "{}"', 'blocks: [{{kind: letter, text: "{}"}}]', 'subject: "{}"'])
def test_what_nobody_sees_is_refused_in_texts_of_many_lines_too(root, text, words):
    """An issue's words are read by the rule of story files: isolates are closed, and no character hides."""
    path = write(root, "2022-02/everyone.yaml", text.format(words) + "\n")
    with pytest.raises(IssueError, match=r"turns the reading direction|holds the invisible character"):
        read(path)


def test_what_was_sent_is_read_whatever_is_refused_by_now():
    """An edition that went out, or is going, with characters of which nobody knew then is read as it was shown."""
    said = Issue(blocks=(LetterBlock(text="One\u2067 two\U000e0041\n\nthree \u2067ש\u2069"),))
    again = of_record(json.loads(json.dumps(as_record(said))))
    assert again.blocks[0].text == "One two\n\nthree ש"
    closed = Issue(blocks=(LetterBlock(text="three \u2067ש\u2069"),))
    assert of_record(as_record(closed)).blocks[0].text == "three \u2067ש\u2069"


def write(root, name, text):
    path = root / "issues" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def opened(root, **environ):
    return open_newsroom(root / "config.yaml", environ)


def issue(root, language="en", period="2022-02"):
    found = opened(root)
    return found.issue(found.edition(period, "everyone", language))


def test_every_kind_is_read_as_it_is_written(root):
    """One block of each kind comes back with every field that was written, and with its line."""
    path = write(root, "2022-02/everyone.yaml", EVERY_BLOCK)
    blocks = read(path).blocks[""]
    assert {block.kind for block in blocks} == set(KINDS)
    assert (blocks[0].name, blocks[0].where) == ("Noor Haddad", f"{path}:5")
    events = next(block for block in blocks if block.kind == "events")
    assert [event.date.day for event in events.events] == [17, 8]


def test_every_mistake_at_once(tmp_path):
    """Unknown kinds, fields and places, what is missing, days that do not exist: each with its line."""
    path = tmp_path / "a.yaml"
    path.write_text(
        "subjet: x\nsubject: [a]\nintro: {xx: a}\nblocks:\n  - kind: leter\n  - kind: button\n    label: Go\n"
        "    at: tpo\n  - kind: letter\n    text: ' '\n    role: Editor\n    colour: red\n  - text: x\n"
        "  - kind: events\n    title: T\n    events:\n      - {date: 2022-02-30, title: A, when: now}\n"
        "  - kind: button\n    label: Go\n    link: javascript:alert(1)\n    at: end\n    after: a\n  - x\n"
        "  - kind: notice\n    text: A\n    label: corection\n    link: https://e.org/\n"
    )
    with pytest.raises(IssueError) as error:
        read(path, languages=["en", "fr"])
    assert [str(fault).removeprefix(f"{path}:") for fault in error.value.faults] == [
        "1: subjet: is not a key here, did you mean 'subject'?",
        "2: subject: expected one text here, or one for each language: {en: …, fr: …}",
        "3: intro.xx: is no language of this audience; known here: default, en, fr",
        "5: blocks[0].kind: 'leter' is no kind of block, did you mean 'letter'?",
        "6: blocks[1].link: is missing: where it leads.",
        "8: blocks[1].at: 'tpo' is no place, did you mean 'top'?",
        "10: blocks[2].text: is blank, give it a text",
        "11: blocks[2].role: wants `name` beside it",
        "12: blocks[2].colour: is not a field here; known here: after, at, kind, name, portrait, role, text, title",
        f"13: blocks[3].kind: is missing; known here: {', '.join(KINDS)}",
        "17: blocks[4].events[0].when: is not a field here; known here: date, link, place, time, title",
        "17: blocks[4].events[0].date: '2022-02-30' is not a day that exists; write it like 2022-03-08",
        "20: blocks[5].link: 'javascript:alert(1)' is not an address for a mail; use https://",
        "21: blocks[5].at: stands beside `after`; a block is in one place, keep one",
        "23: blocks[6]: expected a block here: `kind: letter` and its fields",
        "26: blocks[7].label: 'corection' is none of correction, announcement, did you mean 'correction'?",
        "27: blocks[7].link: wants `link_text` beside it",
    ]


def test_blocks_that_are_no_list_are_told_how_one_begins(tmp_path):
    """Who writes `letter:` below `blocks:` hears of lists, not only of languages."""
    path = tmp_path / "a.yaml"
    path.write_text("blocks:\n  letter:\n    text: Hello\n")
    with pytest.raises(IssueError) as error:
        read(path, languages=["en"])
    assert str(error.value).endswith("known here: default, en; a block is an item of a list, `- kind: letter`")
    path.write_text("blocks:\n  pt: []\n")
    with pytest.raises(IssueError) as error:
        read(path, languages=["en"])
    assert str(error.value).endswith("is no language of this audience; known here: default, en")


def test_an_audiences_own_words_win_and_blocks_are_joined(root):
    """Its key stands over that of all; its blocks stand before theirs, and those of every issue last."""
    write(root, "2022-02/all.yaml", "subject: For all\npreheader: All\nblocks: [{kind: divider}]\npin: [story-1]\n")
    write(root, "2022-02/everyone.yaml", "subject: Ours\nblocks: [{kind: heading, title: Ours}]\n")
    (root / "config.yaml").write_text(CONFIG + "recurring:\n  - {kind: button, label: Write, link: 'https://e.org/'}\n")
    said = issue(root)
    assert (said.subject, said.preheader) == ("Ours", "All")
    assert [block.kind for block in said.blocks] == ["heading", "divider", "button"]
    found = opened(root)
    assert found.overrides(found.edition("2022-02", "everyone")).pin == ("story-1",)


def test_a_value_for_each_language_falls_back(root):
    """A language's own value, else the one for all others; where there is none, what all audiences are told."""
    write(root, "2022-02/everyone.yaml", "subject: {ar: مرحبا, default: Hello}\nintro: {en: Dear all}\n")
    write(root, "2022-02/all.yaml", "intro: {default: Everybody}\nblocks: {ar: [{kind: divider}]}\n")
    assert [(each.subject, each.intro) for each in (issue(root, "en"), issue(root, "ar"))] == [
        ("Hello", "Dear all"),
        ("مرحبا", "Everybody"),
    ]
    assert [len(issue(root, language).blocks) for language in ("en", "ar")] == [0, 1]


@pytest.mark.parametrize("period", ["2022-W08", "2022-Q1", "2022", "2022-02-01--2022-02-15"])
def test_periods_that_are_not_months_have_their_folder(root, period):
    """A week, a quarter, a year and two dates have an issue file as a month has."""
    write(root, f"{period}/everyone.yaml", f"subject: Of {period}\n")
    assert issue(root, period=period).subject == f"Of {period}"
    assert issue(root).subject == ""


def test_two_files_for_one_audience_are_named(root):
    """An overrides file stays valid by itself; beside an issue file for the same audience both are named."""
    old = root / "overrides" / "2022-02" / "everyone.yaml"
    old.parent.mkdir(parents=True)
    old.write_text("pin: [story-3]\n")
    found = opened(root)
    assert found.overrides(found.edition("2022-02", "everyone")).pin == ("story-3",)
    write(root, "2022-02/everyone.yaml", "subject: x\n")
    with pytest.raises(
        IssueError, match=r"^overrides/2022-02/everyone.yaml: is for everyone, and issues/2022-02/every"
    ):
        issue(root)
    (root / "issues/2022-02/everyone.yaml").unlink()
    old.write_text("pin: [story-3]\nsubject: x\n")
    with pytest.raises(IssueError, match=r"subject: is not a key here; issues/2022-02/everyone.yaml may say it"):
        issue(root)


def test_files_that_nobody_would_read_are_named(root):
    """A misspelt audience and another suffix stop the edition with what to do."""
    write(root, "2022-02/everybody.yaml", "subject: x\n")
    write(root, "2022-02/all.yml", "subject: x\n")
    with pytest.raises(IssueError) as error:
        issue(root)
    assert [str(fault) for fault in error.value.faults] == [
        "issues/2022-02/all.yml: is not read; rename it to all.yaml",
        "issues/2022-02/everybody.yaml: is named after no audience of config.yaml, did you mean 'everyone'?",
    ]


def test_a_pin_names_a_story_in_each_language(root):
    """A pin, and a block's place, mean the translation in an edition of another language."""
    write(
        root,
        "2022-02/everyone.yaml",
        "pin: [story-3]\nskip: [story-1]\nblocks: [{kind: heading, title: Here, after: story-2}]\n",
    )
    found = opened(root)
    arabic = build_edition(found, found.edition("2022-02", "everyone", "ar"), now=NOW)
    assert [story.id for story in arabic.selection.stories] == ["ar-3", "ar-2"]
    assert arabic.selection.foreign == ()
    assert "block-unplaced" not in {finding.code for finding in arabic.findings}


def test_a_pin_of_a_story_that_is_not_in_the_editions_language_is_a_finding(root):
    """Where no translation is, the pin is left to the edition of the story's own language, and said."""
    (root / "stories" / "ar-3.md").unlink()
    path = write(root, "2022-02/everyone.yaml", "pin:\n  - story-3\n")
    found = opened(root)
    arabic = build_edition(found, found.edition("2022-02", "everyone", "ar"), now=NOW)
    assert "story-3" not in [story.id for story in arabic.selection.stories]
    (hit,) = [finding for finding in arabic.findings if finding.code == "pin-language"]
    assert hit.where == f"{path.relative_to(root)}:2"
    assert hit.message == "story-3 is in en, this edition in ar, so it is left to the edition in en"
    english = build_edition(found, found.edition("2022-02", "everyone", "en"), now=NOW)
    assert "pin-language" not in {finding.code for finding in english.findings}


def test_a_change_after_approval_asks_again(root):
    """An issue file is part of what is signed: one word changed in it voids the approval, and is named."""
    path = write(root, "2022-02/everyone.yaml", EVERY_BLOCK)
    found = opened(root)
    edition = found.edition("2022-02", "everyone")
    build_folder.write(found, build_edition(found, edition, now=NOW))
    approval.approve(found, edition, "Ada", NOW)
    assert not approval.state(found, edition, NOW).problem
    path.write_text(EVERY_BLOCK.replace("160 million", "161 million"))
    problem = approval.state(opened(root), edition, NOW).problem
    assert "the approval is void, as this changed since: issue;" in problem
    path.write_text(EVERY_BLOCK + "# a comment says nothing to readers\n")
    assert not approval.state(opened(root), edition, NOW).problem
    path.write_text(EVERY_BLOCK.replace("Read aloud", "Aloud"))
    with pytest.raises(ApprovalError, match="changed since it was built: issue"):
        approval.approve(opened(root), edition, "Bo", NOW)


def test_editions_without_an_issue_file_keep_their_approvals(root):
    """Where nobody wrote one, nothing of it is named among what was signed."""
    found = opened(root)
    build = build_edition(found, found.edition("2022-02", "everyone"), now=NOW)
    assert "issue" not in build_folder.inputs(found, build)


def test_mistakes_in_the_blocks_of_every_issue_are_told_with_those_of_the_config(root):
    """`recurring:` is read as an issue's blocks are."""
    (root / "config.yaml").write_text(CONFIG + "smtp: {port: x}\nrecurring:\n  - kind: buton\n")
    with pytest.raises(ConfigError) as error:
        opened(root)
    assert [str(fault).partition(": ")[2] for fault in error.value.faults] == [
        "smtp.port: 'x' is not a number",
        "recurring[0].kind: 'buton' is no kind of block, did you mean 'button'?",
    ]


def test_the_schemas_know_every_field():
    """What editors are offered is the table: every kind with every field, and what each is for."""
    made = json.loads(json.dumps(schema()))
    kinds = {kind["properties"]["kind"]["const"]: kind for kind in made["$defs"]["block"]["oneOf"]}
    assert list(kinds) == list(KINDS)
    for name, kind in KINDS.items():
        assert [row.name for row in kind.fields] == [
            key for key in kinds[name]["properties"] if key not in ("kind", "at", "after")
        ]
        assert set(kinds[name]["required"]) == {"kind", *(row.name for row in kind.fields if row.required)}
    assert "recurring" in load.schema()["properties"]


def test_what_was_sent_is_kept_with_its_blocks(root):
    """An issue's record reads back as the same issue, whatever its file says later."""
    write(root, "2022-02/everyone.yaml", EVERY_BLOCK)
    said = issue(root)
    again = of_record(json.loads(json.dumps(as_record(said))))
    assert again == replace(
        said,
        places={},
        blocks=tuple(replace(block, where=other.where) for block, other in zip(said.blocks, again.blocks, strict=True)),
    )
    assert of_record({}) == Issue()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("2022-2/everyone.yaml", "'2022-2' is no period; name the folder like 2022-02"),
        ("february/all.yaml", "'february' is no period"),
        ("2022-13/everyone.yaml", "'2022-13' is no period"),
        ("2022-02 /everyone.yaml", "'2022-02 ' is no period"),
        ("everyone.yaml", "put it into its period's folder: issues/2022-02/"),
        ("2022-02.yaml", "put it into its period's folder"),
        ("2022-02/everyone/en.yaml", "one file for all its languages, issues/2022-02/everyone.yaml"),
        ("2022-02/everyone.YAML", "rename it to everyone.yaml"),
        ("2022-02/everyone.yaml.txt", "rename it to everyone.yaml"),
        ("_drafts/everyone.yaml", ""),
        ("2022-Q1/everyone.yaml", ""),
        ("templates/letter.yaml", ""),
        ("2022-02/everyone.yaml.bak", ""),
        ("README.md", ""),
    ],
)
def test_an_issue_file_in_a_wrong_place_is_named(root, path, said):
    """A letter or a subject that nobody would read is not lost in silence; what is kept aside is let be."""
    write(root, path, "subject: x\n")
    if said:
        with pytest.raises(IssueError) as caught:
            issue(root)
        (fault,) = caught.value.faults
        assert str(fault).startswith(f"issues/{path}: is not read")
        assert said in str(fault)
    else:
        issue(root)


def test_what_is_written_where_is_not_what_it_says():
    """Two files that say the same are the same issue, wherever it stands in them."""
    one = LetterBlock(text="A", where="a.yaml:1")
    assert content_hash(one) == content_hash(replace(one, where="b.yaml:7"))
    assert issue_of([], "en").blocks == ()


def test_a_language_is_looked_up_from_the_right(root):
    """What is said in Traditional Chinese is for Taiwan, too, before what is said in Chinese (RFC 4647, 3.4)."""
    file = read(write(root, "2022-02/everyone.yaml", "intro: {zh: 中, zh-Hant: 繁, default: Hello}\n"))
    said = [issue_of([file], tag, otherwise="en") for tag in ("zh-Hant-TW", "zh-Hans", "zh-hant", "fr")]
    assert [(each.intro, each.intro_language) for each in said] == [("繁", ""), ("中", ""), ("繁", ""), ("Hello", "en")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("subject: #8M, and what changes", "1: subject: is empty, since '#' begins a comment; put quotes around"),
        ("preheader: The #1 port", "1: preheader: ends at 'The', since ' #' begins a comment; put quotes around"),
        ("intro:\n  en: Hi #all", "2: intro.en: ends at 'Hi', since"),
        ("intro: Hello\n  to you #all", "intro: ends at 'Hello to you', since"),
        ("blocks:\n- kind: heading\n  title: Win #2", "3: blocks[0].title: ends at 'Win', since"),
    ],
)
def test_words_that_yaml_takes_for_a_comment_are_not_lost_in_silence(root, text, said):
    """A sign that touches a word is meant to be read; one that stands alone begins a comment."""
    path = write(root, "2022-02/everyone.yaml", f"{text}\npin: [a] #the first\nskip: b # not now\n")
    with pytest.raises(IssueError) as caught:
        read(path)
    assert said in str(caught.value.faults[0])


def test_what_falls_back_says_its_language(root):
    """Blocks and intro that were written for all others, or for none, are in the newsroom's language; kept so, too."""
    write(root, "2022-02/everyone.yaml", "intro: {ar: مرحبا, default: Hello}\nblocks: [{kind: heading, title: Soon}]\n")
    write(root, "2022-02/all.yaml", "blocks: {ar: [{kind: heading, title: قريبا}], default: [{kind: divider}]}\n")
    english, arabic = issue(root, "en"), issue(root, "ar")
    assert [block.language for block in english.blocks] == ["", ""]
    assert [block.language for block in arabic.blocks] == ["en", ""]
    assert (english.intro_language, arabic.intro_language) == ("", "")
    write(root, "2022-02/everyone.yaml", "intro: Hello\nblocks: [{kind: heading, title: Soon}]\n")
    said = issue(root, "ar")
    assert said.intro_language == "en"
    again = of_record(json.loads(json.dumps(as_record(said))))
    assert ([block.language for block in again.blocks], again.intro_language) == (["en", ""], "en")
