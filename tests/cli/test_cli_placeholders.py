"""What `digest init` and the sample leave for a person to fill in: named all at once, wherever one would look."""

from __future__ import annotations

import json

import pytest

from digest.config.unfilled import unfilled
from digest.yamlfile import parse

EDITION = "2022-02/everyone/en"
SENDING = ("send", EDITION, "--live", "--yes", "--eml", "out")


def listed(text):
    """What a list of things to fill in names."""
    lines = text.partition("To fill in before readers are mailed:\n")[2].splitlines()
    return [": ".join(line.strip().split(": ")[:2]) for line in lines if line.startswith("  ")]


@pytest.fixture
def left(newsroom):
    """The sample's placeholders, by place and key."""
    lines = (newsroom.root / "config.yaml").read_text().splitlines()
    wanted = (("  from: ", "newsroom.from"), ("  url: https://news.example.org", "archive.url"))
    return [
        f"config.yaml:{next(n for n, line in enumerate(lines, 1) if line.startswith(start))}: {key}"
        for start, key in wanted
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("config",),
        ("check", "--month", "2022-02"),
        ("send", EDITION),
        ("run", "--dry-run"),
        ("run",),
        ("schedule",),
    ],
)
def test_each_verb_that_looks_ahead_names_them_all(newsroom, left, arguments):
    """Settings, checks, the plan, the schedule and a run say each of them, once, with its line and key."""
    newsroom.write("config.yaml", (newsroom.root / "config.yaml").read_text() + "\nschedule: [{on: day 15}]\n")
    done = newsroom(*arguments, now="2022-03-01T09:00")
    assert (done.code, listed(done.out)) == (0, left)


def test_a_build_says_nothing_of_them(newsroom):
    """What is built to be looked at needs none of them: they are notes, which `-v` shows."""
    done = newsroom("build", EDITION)
    assert (done.code, done.err) == (0, "")
    assert "placeholder" not in done.out
    assert (
        "  info     address-placeholder: config.yaml:7: newsroom.from: is still" in newsroom("build", EDITION, "-v").out
    )


def test_a_live_send_to_examples_goes_and_one_to_a_reader_names_them_all(newsroom, left):
    """The sample goes to its examples; with one real reader nobody is mailed, and every value is said."""
    with (newsroom.root / "recipients/everyone.csv").open("a") as file:
        file.write("ben@harbour-news.eu,Ben,en,\n")
    assert "mend what is named above, then add --live" in newsroom("send", EDITION).out
    done = newsroom(*SENDING)
    assert done.code == 2
    assert done.lines[0].startswith(f"digest: {EDITION}: ben@harbour-news.eu is a real reader")
    assert [line.removeprefix("digest: ").partition(": is")[0] for line in done.lines[1:]] == left
    assert not list(newsroom.root.glob("out/**/*.eml"))


def test_alone_it_leads_there_when_a_reader_is_real(newsroom):
    """`digest` alone counts them, and makes them the next step where a live send would be refused for them."""
    newsroom("build", EDITION)
    done = newsroom(now=None)
    assert "2 values of config.yaml to fill in before readers are mailed: digest config lists them" in done.out
    assert f"Next: digest send {EDITION}" in done.out
    newsroom.write("recipients/everyone.csv", "email\nben@harbour-news.eu\n")
    assert "Next: digest config  (" in newsroom(now=None).out


def test_programs_are_told(newsroom):
    """With --json the settings, the plan and the checks have them, too."""
    settings = json.loads(newsroom("config", "--json").out)
    assert {key for key, row in settings.items() if row["to_fill_in"]} == {"newsroom.from", "archive.url"}
    (plan,) = json.loads(newsroom("send", EDITION, "--json").out)
    assert len(plan["to_fill_in"]) == 2
    codes = [row["code"] for row in json.loads(newsroom("check", EDITION, "--json").out)]
    assert codes.count("address-placeholder") == 2


def test_a_newsroom_may_rule_on_them(newsroom):
    """Silenced they are not listed by `check`; made loud, they are findings and no list."""
    config = (newsroom.root / "config.yaml").read_text()
    rule = "\nchecks: {{address-placeholder: {{severity: '{}', reason: we rehearse}}}}\n"
    newsroom.write("config.yaml", config + rule.format("off"))
    assert "placeholder" not in newsroom("check", EDITION).out
    newsroom.write("config.yaml", config + rule.format("error"))
    done = newsroom("check", EDITION)
    assert (done.code, done.out.count("is still the placeholder digest@example.org")) == (1, 1)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("newsroom: {contact: news@harbour.example, url: 'https://www.harbour.eu'}", ["newsroom.contact"]),
        ("newsroom: {social: {Mastodon: 'https://example.social/@us', Web: 'https://example.com/us'}}",
         ["newsroom.social.Web"]),
        ("smtp: {host: smtp.example.org, helo: mail.harbour.eu, per_domain: {example.org: 1/s}}", ["smtp.host"]),
        ("smtp: {host: '[the name of your relay]', username: '[yours]'}", ["smtp.host", "smtp.username"]),
        ("unsubscribe: {url: 'https://leave.harbour.example/', mailto: leave@example.net}",
         ["unsubscribe.url", "unsubscribe.mailto"]),
        ("send: {ledger: 'postgresql://digest@db.example.org/digest'}", ["send.ledger"]),
        ("sources: [{name: a, url: 'https://harbour.eu'}, {name: b, url: 'https://example.org/feed'}]",
         ["sources[1].url"]),
        ("audiences: {a: {title: At example.org, contact: a@example.org, recipients: {only: {company: example.org}}}}",
         ["audiences.a.contact"]),
        ("preview: {test_addresses: [you@example.org]}", []),
        ("newsroom: {postal_address: '1 Quay [Harbour], Town', from: a@myexample.org}", []),
        ("recurring: [{type: button, label: Join, url: 'https://example.org'}]", []),
    ],
)  # fmt: skip
def test_which_values_are_placeholders(text, keys):
    """A value that is all host, address or brackets, wherever it stands; not what chooses readers, nor what is said."""
    assert [fault.key for fault in unfilled(parse(text, "config.yaml"))] == keys


def test_what_the_environment_sets_is_named_with_its_variable(newsroom, monkeypatch):
    """A placeholder in the environment is told with the variable's name."""
    monkeypatch.setenv("DIGEST_SMTP__HOST", "relay.example.org")
    assert listed(newsroom("config").out)[-1] == "environment DIGEST_SMTP__HOST: smtp.host"


def test_a_new_newsroom_is_named_after_its_folder(newsroom):
    """Nothing of the sample's own newsroom is in one that was given no name: no reader would answer to that."""
    done = newsroom("init", "harbour-news", now=None)
    config = (newsroom.root / "harbour-news/config.yaml").read_text()
    assert "name: 'Harbour News'" in config
    assert "ILO" not in config
    assert "ilo.org" not in config
    inside = type(newsroom)(newsroom.root / "harbour-news", newsroom.capsys, newsroom.monkeypatch)
    assert [f"harbour-news/{line}" for line in listed(inside("config").out)] == listed(done.out)[1:5]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("UNSUBSCRIBE__URL", "http://leave.harbour.eu", "unsubscribe.url: must begin with https://"),
        (
            "UNSUBSCRIBE__URL",
            "https://192.168.1.5",
            "unsubscribe.url: 192.168.1.5 is reached from its own network only",
        ),
        ("UNSUBSCRIBE__URL", "https://localhost", "unsubscribe.url: localhost is reached from this machine only"),
        ("ARCHIVE__URL", "http://localhost:8080/news", "archive.url: 'http://localhost:8080/news' leads to localhost"),
        ("ARCHIVE__URL", "https://ana@news.harbour.eu", "archive.url: 'https://ana@news.harbour.eu' shows 'ana'"),
        ("ARCHIVE__URL", "https://news.harbour.eu/?a=1", "archive.url: 'https://news.harbour.eu/?a=1' has a ? or a #"),
        ("NEWSROOM__URL", "http://intranet/news", "newsroom.url: 'http://intranet/news' leads to intranet"),
        (
            "AUDIENCES__EVERYONE__MORE_URL",
            "https://10.0.0.1/",
            "audiences.everyone.more_url: 'https://10.0.0.1/' leads",
        ),
        ("SMTP__RATE", "5 per s", "smtp.rate: '5 per s' is no rate"),
        ("SMTP__PER_DOMAIN", "{gmail.com: often}", "smtp.per_domain.gmail.com: 'often' is no rate"),
        ("CHECKS__ALT-MISING", "{severity: 'off', reason: x}", "checks.alt-mising: is no check, did you mean"),
    ],
)
def test_what_a_live_send_refuses_is_said_when_it_is_typed(newsroom, monkeypatch, variable, value, said):
    """`digest config` has the rule of the live send, with the place and the key once."""
    monkeypatch.setenv(f"DIGEST_{variable}", value)
    done = newsroom("config")
    assert done.code == 2
    assert f"digest: environment DIGEST_{variable}: {said}" in done.err
    assert done.err.count("allow_local") == ("is reached" in done.err)


def test_a_mistake_of_the_kind_has_its_line(newsroom):
    """In config.yaml it is told with its line; and the plan tells it, too, and says to mend it first."""
    newsroom.edit("config.yaml", "https://news.example.org ", "https://10.0.0.1/news ")
    line = "config.yaml:33: archive.url: 'https://10.0.0.1/news' leads to 10.0.0.1, which readers cannot reach"
    assert newsroom("config").lines == [f"digest: {line}"]
    plan = newsroom("send", EDITION)
    assert f"digest: {line}" in plan.lines
    assert "to send: mend what is named above, then add --live" in plan.out


def test_an_intranet_may_rule_otherwise(newsroom):
    """A newsroom whose readers are inside says so once, by the check's code, and config.yaml is sound."""
    newsroom.edit("config.yaml", "https://news.example.org ", "http://intranet/news ")
    assert newsroom("config").code == 2
    newsroom.edit("config.yaml", "\nsmtp:", "\nchecks: {link-private: {severity: info, reason: all inside}}\nsmtp:")
    assert newsroom("config").code == 0


def test_secrets_that_are_not_here_are_among_what_is_to_fill_in(newsroom, monkeypatch):
    """A password and a secret that a live send needs are named before it, where they are not to be had."""
    monkeypatch.setenv("DIGEST_SMTP__USERNAME", "ana")
    monkeypatch.setenv("DIGEST_UNSUBSCRIBE__URL", "https://leave.harbour.eu")
    out = newsroom("config").out
    assert "smtp.username: needs its password: set $DIGEST_SMTP_PASSWORD" in out
    assert "unsubscribe: needs a secret: set DIGEST_UNSUBSCRIBE_SECRET" in out
    monkeypatch.setenv("DIGEST_SMTP_PASSWORD", "hunter2")
    monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", "a-secret-of-thirty-two-characters")
    assert "needs" not in newsroom("config").out
