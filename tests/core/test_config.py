"""config.yaml: found, read, overridden, and refused with every mistake at once."""

from __future__ import annotations

import contextlib
import functools
import json
import operator
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from digest.composer.options import ThemeOptions
from digest.config import load, nearest
from digest.config.show import rows
from digest.errors import ConfigError, UsageError

GOOD = """\
newsroom:
  name: Example Newsroom
  contact: press@example.org
  from: digest@example.org
  timezone: Europe/Zurich
audiences:
  everyone: {title: Everyone}
"""


def read(tmp_path, text=GOOD, environ=None):
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return load.load(file, environ or {})


def refused(tmp_path, text, environ=None):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, environ)
    return [str(fault).removeprefix(f"{tmp_path}/") for fault in caught.value.faults]


def test_the_repositorys_own_config_is_right():
    """The config that a fresh clone builds with has no mistakes, and three audiences."""
    config = load.load(Path(__file__).parents[2] / "config.yaml", {})
    assert list(config.audiences) == ["everyone", "impact", "skills"]
    assert config.newsroom.contact == "newsroom@ilo.org"


def places(value, path=()):
    """Every place of a config.yaml as plain data."""
    yield from [path] if path else []
    for key, below in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from places(below, (*path, key))


@given(data=st.data())
def test_a_value_of_another_shape_is_a_fault_and_never_a_traceback(tmp_path_factory, data):
    """A list where a text belongs, a text where keys belong, nothing at all: each is told, wherever it stands."""
    text = (Path(__file__).parents[2] / "docs/example-config.yaml").read_text("utf-8")
    whole = yaml.load(text, yaml.CBaseLoader)
    *above, last = data.draw(st.sampled_from(list(places(whole))))
    functools.reduce(operator.getitem, above, whole)[last] = data.draw(
        st.sampled_from([[["x"]], [{"a": "b"}], {"a": {"b": "c"}}, [None], [], {}, None, "3", ""])
    )
    with contextlib.suppress(ConfigError):
        read(tmp_path_factory.mktemp("odd"), yaml.safe_dump(whole))


@pytest.mark.parametrize("key", ["was", "languages"])
def test_a_list_in_a_list_of_names_is_named(tmp_path, key):
    """What cannot be a name is told with its place, beside what else is wrong."""
    told = refused(tmp_path, GOOD.replace("title: Everyone", f"title: {{en: Everyone}}, {key}: [[x]]"))
    assert f"config.yaml:7: audiences.everyone.{key}[0]: expected one text here" in told


@pytest.mark.parametrize("said", [None, "some-plugin"])
def test_nobody_hooks_into_how_it_is_read(tmp_path, said):
    """No plugin of pydantic's is looked for, and the environment, which hooks inherit, is afterwards as it was."""
    (tmp_path / "config.yaml").write_text(GOOD, encoding="utf-8")
    code = (
        "import os, pathlib\n"
        "from digest.config import load\n"
        "load.load(pathlib.Path('config.yaml'), {})\n"
        "from pydantic.plugin import _loader\n"
        "print(_loader._plugins, os.environ.get('PYDANTIC_DISABLE_PLUGINS'))\n"
    )
    given = {name: value for name, value in os.environ.items() if name != "PYDANTIC_DISABLE_PLUGINS"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=given | ({"PYDANTIC_DISABLE_PLUGINS": said} if said else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"None {said}\n"


def test_what_is_not_said_has_a_default(tmp_path):
    """A short config is enough: language, sender's name, Reply-To and limits follow from what is there."""
    config = read(tmp_path)
    everyone = config.audience("everyone")
    assert (config.newsroom.language, config.newsroom.sender_name) == ("en", "Example Newsroom")
    assert (everyone.languages, everyone.contact, everyone.limit) == (("en",), "press@example.org", None)


def test_a_header_that_cannot_be_set_has_its_line(tmp_path):
    """One of ours, and one that would add a reader: each is a fault where it stands, before anything is made."""
    text = GOOD.replace("{title: Everyone}", "{title: E, headers: {bcc: x@example.org}}")
    told = refused(tmp_path, text + "smtp: {headers: {From: x}}\n")
    assert [line.split(": ")[1:3] for line in told] == [["audiences.everyone.headers", "bcc"], ["smtp.headers", "From"]]


def test_all_faults_come_at_once_with_line_and_key(tmp_path):
    """Unknown keys, bad values and missing ones are told together, each with file, line, key and what to do."""
    text = GOOD.replace("Europe/Zurich", "Europe/Zürich").replace("{title: Everyone}", "{titel: E, limit: 0}")
    assert refused(tmp_path, text + "smtp: {prot: 25, port: 99999}\n") == [
        "config.yaml:5: newsroom.timezone: 'Europe/Zürich' is not a time zone; use an IANA name, like Europe/Zurich",
        "config.yaml:7: audiences.everyone.title: is missing, give it a value",
        "config.yaml:7: audiences.everyone.limit: 0 is out of range; the least is 1",
        "config.yaml:7: audiences.everyone.titel: is not a key here, did you mean 'title'?",
        "config.yaml:8: smtp.port: 99999 is out of range; the most is 65535",
        "config.yaml:8: smtp.prot: is not a key here, did you mean 'port'?",
    ]


@pytest.mark.parametrize("contact", ["", "nobody", "a@b@c", "a@b c.org"])
def test_a_contact_that_is_no_address_stops_everything(tmp_path, contact):
    """Reply-To is checked before anything is made of it."""
    found = refused(tmp_path, GOOD.replace("press@example.org", f"'{contact}'"))
    assert any(":3: newsroom.contact: " in line for line in found)


def test_an_audience_may_have_its_own_contact(tmp_path):
    """An audience's contact replaces the newsroom's, and is checked like it."""
    assert (
        read(tmp_path, GOOD.replace("{title: Everyone}", "{title: E, contact: desk@example.org}"))
        .audience("everyone")
        .contact
        == "desk@example.org"
    )
    assert "contact" in refused(tmp_path, GOOD.replace("{title: Everyone}", "{title: E, contact: desk}"))[0]


def test_a_name_that_poses_as_another_address_is_refused(tmp_path):
    """A sender called "ceo@bank.com" with another address is what a forger writes."""
    found = refused(tmp_path, GOOD.replace("Example Newsroom", "ceo@bank.example"))
    assert found == ["config.yaml:2: newsroom.name: looks like a mail address other than `from`; use a name"]


def test_a_line_break_in_a_name_is_refused(tmp_path):
    """No setting that goes into a header may hold one."""
    assert "line break" in refused(tmp_path, GOOD.replace("Example Newsroom", '"Example\\nBcc: x@example.org"'))[0]


def test_the_environment_lies_over_the_file(tmp_path):
    """DIGEST_SMTP__PORT wins over the file, lists are written in YAML's way, and other names are left alone."""
    environ = {
        "DIGEST_SMTP__PORT": "587",
        "DIGEST_AUDIENCES__EVERYONE__SELECT__TOPICS": "[skills, gender]",
        "DIGEST_SMTP_PASSWORD": "secret",
        "HOME": "/",
    }
    config = read(tmp_path, GOOD + "smtp: {port: 25}\n", environ)
    assert config.settings.smtp.port == 587
    assert config.audience("everyone").select.topics == ("skills", "gender")


def test_a_setting_in_the_environment_with_one_underscore_is_not_passed_over(tmp_path):
    """DIGEST_SEND_APPROVAL=required would let everything go unapproved; a name that config.yaml gives itself is its."""
    (told,) = refused(tmp_path, GOOD, {"DIGEST_SEND_APPROVAL": "required"})
    assert told == ("environment DIGEST_SEND_APPROVAL: is not read; what sets send.approval is DIGEST_SEND__APPROVAL")
    (told,) = refused(tmp_path, GOOD, {"DIGEST_IMPORT_MAX_BYTES": "1"})
    assert told.endswith("DIGEST_IMPORT__MAX_BYTES")
    others = {"DIGEST_SMTP_PASSWORD": "x", "DIGEST_SEND_LEDGER": "sqlite:///l.db", "DIGEST_NEWSROOM_HOOK": "x"}
    assert read(tmp_path, GOOD + "send: {ledger_env: DIGEST_SEND_LEDGER}\n", others).settings.send.ledger_env
    both = {"DIGEST_SEND_APPROVAL": "two", "DIGEST_SEND__APPROVAL": "required"}
    assert read(tmp_path, GOOD, both).settings.send.approval == "required"
    hook = GOOD + "hooks: {failed: [$DIGEST_HOOKS_FAILED, ./tell.sh --to $DIGEST_MAIL_SUBJECT]}\n"
    assert read(tmp_path, hook, {"DIGEST_HOOKS_FAILED": "https://x.org/", "DIGEST_MAIL_SUBJECT": "x"})
    read(tmp_path, GOOD, {"DIGEST_SMTP_PORT": "tcp://10.0.0.7:25"})  # as Kubernetes tells of a service digest-smtp


def test_a_fault_from_the_environment_names_the_variable(tmp_path):
    """A bad override is told by the variable's name, an unknown section with the nearest one."""
    found = refused(tmp_path, GOOD, {"DIGEST_SMTP__PORT": "many", "DIGEST_SMTPP__HOST": "x"})
    assert found == [
        "environment DIGEST_SMTPP__HOST: 'smtpp' is not a section of config.yaml, did you mean 'smtp'?",
        "environment DIGEST_SMTP__PORT: smtp.port: 'many' is not a number",
    ]


@pytest.mark.parametrize("name", ["Every One", "../x", "é", "-a", "a/b"])
def test_an_audiences_name_is_safe_in_a_path(tmp_path, name):
    """Audience names stand in paths, commands and headers, so they are plain."""
    assert "is no name for an audience" in refused(tmp_path, GOOD.replace("everyone:", f"'{name}':"))[0]


@pytest.mark.parametrize("given", ["20", "2020", "soon", "2020-02-30", "true"])
def test_a_limit_that_is_no_day_says_how_one_is_written(tmp_path, given):
    """In words of ours; a year alone is no number of seconds."""
    limit = f"recipients: {{csv: r.csv, except: {{joined: {{before: {given}}}}}}}"
    (fault,) = refused(tmp_path, GOOD.replace("{title: Everyone}", f"{{title: Everyone, {limit}}}"))
    assert fault.endswith(" is no day; write it like 2022-02-14")


def test_readers_come_from_one_place(tmp_path):
    """An audience has a CSV or a query, not both and not neither."""
    both = "{title: E, recipients: {csv: a.csv, sql: {query: SELECT 1}}}"
    assert "one of them" in refused(tmp_path, GOOD.replace("{title: Everyone}", both))[0]
    assert "one of them" in refused(tmp_path, GOOD.replace("{title: Everyone}", "{title: E, recipients: {}}"))[0]


def test_a_way_to_send_that_is_none_is_refused_before_anybody_sends(tmp_path):
    """A mistyped transport is told with its line when config.yaml is read, not after the plan was approved."""
    (said,) = refused(tmp_path, GOOD + "send:\n  transport: stmp\n")
    assert said.startswith("config.yaml:9: send.transport: ")
    assert "'smtp'" in said


def test_signing_needs_all_its_parts(tmp_path):
    """`signer: digest` without domain, selector or key names each that is missing."""
    assert len(refused(tmp_path, GOOD + "dkim: {signer: digest, domain: example.org}\n")) == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"newsroom: \xff", ":1: is not UTF-8"),
        (b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode(), ""),
        (b"", "newsroom: is missing"),
        (b"x" * 1_000_001, "is larger than"),
    ],
)
def test_bytes_that_are_no_config(tmp_path, data, said):
    """A BOM and CRLF are taken; other bytes, an empty and a huge file are refused with the reason."""
    file = tmp_path / "config.yaml"
    file.write_bytes(data)
    if not said:
        assert load.load(file, {}).newsroom.name == "Example Newsroom"
        return
    with pytest.raises(ConfigError, match=said):
        load.load(file, {})


@pytest.fixture
def below(tmp_path):
    """A folder two below one with a config.yaml."""
    read(tmp_path)
    folder = tmp_path / "stories" / "2022"
    folder.mkdir(parents=True)
    return folder


def test_the_nearest_config_is_found_from_below(tmp_path, below):
    """A command run in a folder of the newsroom finds its config; elsewhere the message says how to make one."""
    assert nearest.find(below) == tmp_path / "config.yaml"
    with pytest.raises(UsageError, match="digest init"):
        nearest.find(Path("/nowhere"))


@pytest.mark.parametrize("name", ["config.yml", "Config.yaml", "config.yaml.txt"])
def test_a_config_that_is_called_almost_so_is_named(tmp_path, name):
    """The newsroom is there, and was said not to be."""
    (tmp_path / name).write_text(GOOD)
    with pytest.raises(UsageError, match=rf"{name} is not called config\.yaml; rename it"):
        nearest.find(tmp_path)
    (tmp_path / name).write_text("sites: {}\n")
    with pytest.raises(UsageError) as told:
        nearest.find(tmp_path)
    assert name not in str(told.value)


@pytest.mark.parametrize(
    "said", ["schedule: []\n", "newsrooms: {name: A}\n", "sites:\n  newsroom: {}\n", "a:\n  b: 'newsroom'\n", ""]
)
def test_another_programs_config_is_passed_over(tmp_path, below, said):
    """From below, a config.yaml of something else is none of ours; in its own folder it is read, and told of."""
    (below.parent / "config.yaml").write_text(said)
    assert nearest.find(below) == tmp_path / "config.yaml"
    assert nearest.find(below.parent) == below.parent / "config.yaml"
    (tmp_path / "config.yaml").unlink()
    with pytest.raises(UsageError, match=r"stories/config\.yaml has no `newsroom:`"):
        nearest.find(below)


@pytest.mark.parametrize(
    "said", ["newsroom: [", '"newsroom": {name: A}\n', "\ufeffnewsroom:\n\t-", "{newsroom: {}}", '{\n  "newsroom": {}']
)
def test_a_damaged_config_is_ours_all_the_same(below, said):
    """A mistake in the newsroom's file does not make another file the newsroom's."""
    (below.parent / "config.yaml").write_text(said)
    assert nearest.find(below) == below.parent / "config.yaml"


@pytest.mark.skipif(os.name == "nt", reason="folders have no sticky bit there")
def test_a_config_where_everybody_writes_is_passed_over(tmp_path, below):
    """In /tmp anybody may put a config.yaml, with hooks: it is not taken from below."""
    tmp_path.chmod(0o1777)
    with pytest.raises(UsageError, match="everybody's to write to"):
        nearest.find(below)
    assert nearest.find(tmp_path) == tmp_path / "config.yaml"
    tmp_path.chmod(0o777)  # a shared volume is the newsroom's own
    assert nearest.find(below) == tmp_path / "config.yaml"


def test_paths_start_at_the_configs_folder(tmp_path, monkeypatch):
    """Relative paths do not depend on the folder in which a command is run."""
    config = read(tmp_path)
    monkeypatch.chdir("/")
    assert config.path("recipients/a.csv") == tmp_path / "recipients" / "a.csv"


def test_an_unknown_audience_is_told_with_the_nearest(tmp_path):
    """A slip of the hand in --audience is met with a suggestion."""
    with pytest.raises(UsageError, match="did you mean 'everyone'"):
        read(tmp_path).audience("evryone")


def test_the_schema_is_json_and_describes_every_section():
    """The JSON Schema is valid JSON with every section, and each setting has a description for the editor."""
    schema = json.loads(json.dumps(load.schema()))
    assert {"newsroom", "audiences", "smtp", "theme", "import"} <= set(schema["properties"])
    for name, part in schema["$defs"].items():
        for key, value in part["properties"].items():
            assert value.get("description"), f"{name}.{key}"


def test_print_tells_where_each_value_is_from(tmp_path):
    """Every setting is listed with the line, the variable or the default that gave it."""
    found = {key: (value, origin) for key, value, origin in rows(read(tmp_path, GOOD, {"DIGEST_SMTP__HOST": "mx"}))}
    assert found["newsroom.contact"] == ("press@example.org", f"{tmp_path}/config.yaml:3")
    assert found["smtp.host"] == ("mx", "environment DIGEST_SMTP__HOST")
    assert found["smtp.connections"] == ("4", "default")


def test_a_password_in_a_url_is_not_shown(tmp_path):
    """Whoever put a password into a URL does not see it printed."""
    secrets = {
        "DIGEST_SEND__LEDGER": "postgresql://digest:hunter2@db/ledger?sslmode=require&password=hunter2",
        "DIGEST_NEWSROOM__URL": "https://www.example.org/a:b@c",
    }
    found = {key: value for key, value, _ in rows(read(tmp_path, GOOD, secrets))}
    assert found["send.ledger"] == "postgresql://digest:***@db/ledger?sslmode=require&password=***"
    assert found["newsroom.url"] == "https://www.example.org/a:b@c"


def test_a_text_that_may_not_be_empty_says_so(tmp_path):
    """An empty title is told in words."""
    (fault,) = refused(tmp_path, GOOD.replace("title: Everyone", "title: ''"))
    assert "title: is empty, give it a value" in fault


TITLES = GOOD.replace(
    "  everyone: {title: Everyone}",
    """\
  everyone:
    languages: [en, fr, pt-BR]
    title:
      en: Jobs and skills
      fr: Emploi et compétences
      pt-BR: Emprego""",
)


def test_a_title_may_be_one_for_each_language(tmp_path):
    """Each language of an audience has its own title; a language near to one of them gets that one's."""
    everyone = read(tmp_path, TITLES).audience("everyone")
    assert everyone.title == "Jobs and skills"
    said = [everyone.in_language(tag).title for tag in ("en", "fr", "fr-CA", "pt-br", "de")]
    assert said == ["Jobs and skills", "Emploi et compétences", "Emploi et compétences", "Emprego", "Jobs and skills"]
    shown = {key: (value, origin.rpartition(":")[2]) for key, value, origin in rows(read(tmp_path, TITLES))}
    assert shown["audiences.everyone.title.fr"] == ("Emploi et compétences", "11")
    environ = {"DIGEST_AUDIENCES__EVERYONE__TITLE": "{en: A, fr: B, pt-BR: C}"}
    assert read(tmp_path, TITLES, environ).audience("everyone").in_language("fr").title == "B"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("      fr: Emploi et compétences\n", "", "9: audiences.everyone.title: has no title in 'fr', one of its"),
        ("fr: Emploi", "de: Emploi", "11: audiences.everyone.title.de: is none of the audience's languages"),
        ("fr: Emploi et compétences", "fr: ''", "9: audiences.everyone.title: fr: is empty, give it a value"),
        ("fr: Emploi et compétences", "fr: [a]", "9: audiences.everyone.title: fr: expected one text here"),
        ("fr: Emploi et", 'fr: "a\\nb" #', "9: audiences.everyone.title: fr: holds a line break (U+000A line feed)"),
    ],
)  # fmt: skip
def test_a_language_without_a_title_is_a_fault(tmp_path, old, new, said):
    """A title that is missing, empty, or in none of the audience's languages is named with its line."""
    assert old in TITLES
    told = refused(tmp_path, TITLES.replace(old, new))
    assert any(line.startswith(f"config.yaml:{said}") for line in told), told


@pytest.mark.parametrize("title", ["''", "[a, b]", "{}"])
def test_a_title_that_is_none_is_a_fault(tmp_path, title):
    """An empty title, or a list, is refused on its line."""
    (told,) = refused(tmp_path, GOOD.replace("title: Everyone", f"title: {title}"))
    assert told.startswith("config.yaml:7: audiences.everyone.title: ")


@pytest.mark.parametrize(("offered", "reader", "title"), [("zh-Hant", "zh-Hant-TW", "繁"), ("zh", "zh-Hant-TW", "中")])
def test_a_title_is_looked_up_as_every_value_by_language_is(tmp_path, offered, reader, title):
    """Subtag by subtag from the right (RFC 4647, 3.4), not the exact tag and then the language alone."""
    text = GOOD.replace("title: Everyone", f"languages: [en, {offered}], title: {{en: All, {offered}: {title}}}")
    assert read(tmp_path, text).audience("everyone").in_language(reader).title == title


@pytest.mark.parametrize(
    ("key", "given", "said"),
    [
        ("name", "Bad", "'Bad' is not a folder's name"),
        ("brand", "''", "'' is not a colour"),
        ("brand", "'#12g'", "'#12g' is not a colour; write it in quotes, like '#1e2dbe'"),
        ("heading_font", "'Georgia;}'", "is not a list of font names"),
        ("logo_width", "593", "593 is out of range; the most is 592"),
        ("size_limit", "4095", "4095 is out of range; the least is 4096"),
        ("contents_over", "-1", "-1 is out of range; the least is 0"),
    ],
)
def test_the_themes_own_rules_hold_on_their_lines(tmp_path, key, given, said):
    """What a theme would refuse when it is loaded is refused with its line, and nothing else is."""
    (told,) = refused(tmp_path, f"{GOOD}theme:\n  {key}: {given}\n")
    assert told.startswith(f"config.yaml:9: theme.{key}: "), told
    assert said in told


def test_what_a_theme_may_be_is_said_once(tmp_path):
    """Defaults are those of the options, and what these take config.yaml takes: three hex digits, contents always."""
    given = read(tmp_path, GOOD).settings.theme.model_dump()
    ours = asdict(ThemeOptions())
    assert given.keys() == ours.keys()
    assert {key: value for key, value in given.items() if value not in (None, "") and value != ours[key]} == {}
    text = f"{GOOD}theme: {{brand: '#1AF', contents_over: 0, size_limit: 4096, logo_width: 592}}\n"
    said = read(tmp_path, text).settings.theme
    assert (said.brand, said.contents_over, said.size_limit) == ("#1af", 0, 4096)
    assert ThemeOptions(brand=said.brand, contents_over=0, size_limit=4096, logo_width=592).faults() == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("theme:\n  brand: #1e2dbe", "9: theme.brand: is empty, since '#' begins a comment; put quotes around"),
        ("mail:\n  subject: The #1 source", "9: mail.subject: ends at 'The', since ' #' begins a comment"),
        ("mail:\n  subject: 'The #1 source'", ""),
        ("mail:\n  subject: News # ours", ""),
        ("smtp:\n  port: 2525 #ours", ""),
        ("theme:\n  brand: ~ #none yet", ""),
        ("smtp: #ours\n  port: 2525", ""),
        ("recurring:\n- kind: heading\n  title: #8M", "10: recurring[0].title: is empty, since '#' begins a comment"),
    ],
)
def test_words_that_yaml_takes_for_a_comment_are_not_lost_in_silence(tmp_path, line, said):
    """`brand: #1e2dbe` was no brand, and nobody said so; a comment behind a number stays one."""
    if said:
        assert any(fault.startswith(f"config.yaml:{said}") for fault in refused(tmp_path, f"{GOOD}{line}\n"))
    else:
        read(tmp_path, f"{GOOD}{line}\n")


@pytest.mark.parametrize("line", ["topics: #internal", "topics:\n      - #internal", "kickers: The #8M series"])
def test_a_rule_that_yaml_cuts_is_no_rule(tmp_path, line):
    """`exclude: topics: #internal` excluded nothing, and nobody said so."""
    text = GOOD.replace("everyone: {title: Everyone}", f"everyone:\n    title: E\n    exclude:\n      {line}")
    assert any("begins a comment; put quotes around the whole text" in told for told in refused(tmp_path, text))


@pytest.mark.parametrize(("given", "right"), [("Pakistan", "PK"), ("uk", "GB"), ("Ruritania", "")])
def test_a_country_is_judged_as_in_a_story(tmp_path, given, right):
    """One that is none would select nothing, and exclude nothing, without a word."""
    text = GOOD.replace("title: Everyone", f"title: Everyone, exclude: {{countries: [{given}]}}")
    (told,) = refused(tmp_path, text)
    assert f"exclude.countries[0]: {given!r} is no two-letter country code" in told
    assert (f"did you mean '{right}'" in told) == bool(right)
    assert read(tmp_path, text.replace(given, "pk")).audience("everyone").exclude.countries == ("PK",)


@pytest.mark.parametrize("character", ["\\u202e", "\\ufeff", "\\U000e0041", "\\u2067"])
@pytest.mark.parametrize(
    "key", ["newsroom.name", "newsroom.postal_address", "mail.subject", "audiences.everyone.title"]
)
def test_no_unseen_character_goes_into_a_mail_from_here(tmp_path, key, character):
    """Words of config.yaml stand in every mail: they are read by the rule of story files."""
    section, *_, name = key.split(".")
    line = f'{name}: "a{character}b"'
    text = {
        "newsroom": GOOD.replace("  name: Example Newsroom\n", "").replace("newsroom:\n", f"newsroom:\n  {line}\n"),
        "mail": f"{GOOD}mail: {{{line}}}\n",
        "audiences": GOOD.replace("title: Everyone", line),
    }[section]
    if name == "postal_address":
        text = text.replace("newsroom:\n", "newsroom:\n  name: Example\n")
    (told,) = refused(tmp_path, text)
    assert f"{key}: " in told
    assert "holds the invisible character" in told or "turns the reading direction" in told


def test_the_environment_makes_no_audience_by_a_slip(tmp_path):
    """`EVERYON` would build an edition of all stories for nobody; a name of its own is an audience."""
    (told,) = refused(tmp_path, GOOD, {"DIGEST_AUDIENCES__EVERYON__TITLE": "x"})
    assert told.endswith("DIGEST_AUDIENCES__EVERYON__TITLE: there is no audience 'everyon', did you mean 'everyone'?")
    both = {"DIGEST_AUDIENCES__PRESS__TITLE": "Press", "DIGEST_AUDIENCES__EVERYONE2__TITLE": "More"}
    assert list(read(tmp_path, GOOD, both).audiences) == ["everyone", "everyone2", "press"]


def test_the_schema_knows_both_forms_of_a_title():
    """An editor that follows the schema offers one text, and a text for each language."""
    forms = load.schema()["$defs"]["AudienceSection"]["properties"]["title"]["anyOf"]
    assert [form["type"] for form in forms] == ["string", "object"]


RENAMED = GOOD.replace("everyone: {title: Everyone}", "all: {title: All, was: [everyone]}")


def test_a_renamed_audience_answers_to_its_old_name(tmp_path):
    """`was` tells a rename: what was frozen under the old name is still found."""
    config = read(tmp_path, RENAMED)
    assert config.audience("everyone").name == "all"
    assert config.audience("all").was == ("everyone",)


def test_a_former_name_is_one_audiences_alone(tmp_path):
    """A name that is in use, or claimed twice, is no former name."""
    twice = f"{RENAMED}  some: {{title: Some, was: everyone}}\n"
    assert "is a former name of 'all' already" in refused(tmp_path, twice)[0]
    assert "is an audience today" in refused(tmp_path, f"{RENAMED}  everyone: {{title: Everyone}}\n")[0]


def test_an_audience_never_sent_while_another_vanished_must_be_explained(tmp_path):
    """The message shows both lines to paste; either of them is enough, and what was sent before needs neither."""
    new = GOOD.replace("everyone:", "all:")
    with pytest.raises(
        ConfigError, match=r"all: was never sent, and everyone.*`was: \[everyone\]`.*`retired: \["
    ) as told:
        read(tmp_path, new).demand_explained("all", {"everyone"})
    assert told.value.faults[0].line == 7
    read(tmp_path, RENAMED).demand_explained("all", {"everyone"})
    read(tmp_path, f"{new}retired: [everyone]\n").demand_explained("all", {"everyone"})
    read(tmp_path, new).demand_explained("all", {"everyone", "all"})
    read(tmp_path, new).demand_explained("all", set())


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            "smtp: {host: 'smtp.example.org:587'}",
            "smtp.host: 'smtp.example.org:587' is no host name; write the name alone",
        ),
        ("smtp: {host: 'smtp://smtp.example.org'}", "smtp.host: 'smtp://smtp.example.org' is no host name"),
        ("smtp: {host: '${SMTP_HOST}'}", "variables are not filled in here: DIGEST_SMTP__HOST sets it"),
        ("smtp: {host: '[::1]'}", "smtp.host: '[::1]' is no host name"),
        ("smtp: {password_env: hunter-2}", "smtp.password_env: is no name of an environment variable: letters"),
        ("send: {ledger: .digest/ledger.db}", "send.ledger: '.digest/ledger.db' is no ledger URL; write sqlite:///"),
        ("send: {ledger: 'sqlite://.digest/ledger.db'}", "is no ledger URL; write sqlite:///.digest/ledger.db"),
        ("send: {ledger: 'mysql://ana:hunter-2@db/d'}", "'mysql://ana:***@db/d' is no ledger URL"),
    ],
)
def test_what_nobody_could_be_sent_with_is_refused_when_it_is_typed(tmp_path, setting, said):
    """A relay that no DNS knows was tried again for ever, and two slashes made another ledger; no secret is shown."""
    (fault,) = refused(tmp_path, f"{GOOD}{setting}\n")
    assert said in fault
    assert "hunter-2" not in fault


@pytest.mark.parametrize(
    "host", ["localhost", "::1", "fe80::1%eth0.2", "127.0.0.1", "smtp_relay", "mail.exämple.org", "relay.example."]
)
def test_a_relays_name_or_address_is_taken(tmp_path, host):
    """As DNS, containers and networks have them."""
    assert read(tmp_path, f"{GOOD}smtp: {{host: '{host}'}}\n").settings.smtp.host == host


@pytest.mark.parametrize("url", ["postgres://digest@db/ledger", "postgresql+psycopg://db/l", "sqlite:////var/lib/l.db"])
def test_a_ledgers_address_is_taken(tmp_path, url):
    """As hosters, SQLAlchemy and absolute paths spell it."""
    assert read(tmp_path, f"{GOOD}send: {{ledger: '{url}'}}\n").settings.send.ledger == url


def test_a_section_in_the_environment_is_not_passed_over(tmp_path):
    """DIGEST_SCHEDULE='[]' stopped nothing, and nobody said so; a list that is no YAML is no word, either."""
    (told,) = refused(tmp_path, GOOD, {"DIGEST_SCHEDULE": "[]"})
    assert told == "environment DIGEST_SCHEDULE: is not read: schedule as a whole stands in config.yaml"
    (told,) = refused(tmp_path, GOOD, {"DIGEST_AUDIENCES": "{}"})
    assert told.endswith("audiences as a whole stands in config.yaml, and each of its keys has a variable")
    (told,) = refused(tmp_path, GOOD, {"DIGEST_SMTP__PER_DOMAIN": "{gmail.com:20/s}"})
    assert told == "environment DIGEST_SMTP__PER_DOMAIN: wants a blank behind its colon: gmail.com: 20/s"
    assert "this is not YAML" in refused(tmp_path, GOOD, {"DIGEST_MAIL__CLIENTS": "[gmail"})[0]
    read(tmp_path, GOOD, {"DIGEST_MAIL": "ana@example.org"})  # a name of their own
    words = {"DIGEST_MAIL__SUBJECT": "[Test] {{ edition.title }}", "DIGEST_AUDIENCES__EVERYONE__TITLE": "[All] of it"}
    told = read(tmp_path, GOOD, words).settings
    assert (told.mail.subject, told.audiences["everyone"].title) == tuple(words.values())


@pytest.mark.parametrize("rule", ["only: {country:CH}", "except: {country: }"])
def test_a_rule_about_readers_is_never_lost(tmp_path, rule):
    """Everybody on the list was mailed where a blank was missing behind a colon."""
    (fault,) = refused(tmp_path, GOOD.replace("{title: Everyone}", f"{{title: E, recipients: {{csv: r.csv, {rule}}}}}"))
    assert "country" in fault
