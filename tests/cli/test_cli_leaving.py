"""How readers leave, from the link in their mail to the next send that leaves them out; and what bounces teach."""

from __future__ import annotations

import email
import email.policy
import json
import mailbox
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from realdovecot import Dovecot

SECRET = "a-secret-of-thirty-two-characters"
EDITION = "2022-02/everyone/en"
FEBRUARY = ("--month", "2022-02", "--audience", "everyone")
MARCH = ("--month", "2022-03", "--audience", "everyone")


@pytest.fixture
def sent(newsroom):
    """A newsroom with an https unsubscribe address, whose February went out as files."""
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE__URL", "https://leave.example.org")
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", SECRET)
    assert newsroom("send", *FEBRUARY, "--live", "--yes", "--eml", "out").code == 0
    newsroom.story("march", date="2022-03-10")
    return newsroom


def mails(newsroom, folder="out"):
    found = {}
    for path in (newsroom.root / folder).glob("*.eml"):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        found[mail["To"].addresses[0].addr_spec] = mail
    return found


@pytest.fixture
def endpoint(sent):
    """`digest serve`, running as a program of its own."""
    command = [sys.executable, "-uc", "from digest.cli import main; main()", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=sent.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        told = run.stdout.readline()  # the port that it really has; it listens already
        yield re.match(r"(http://127\.0\.0\.1:[1-9]\d*)/u/", told)[1]
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=30)
    assert run.returncode in (0, 130), (out, err)
    assert SECRET not in out + err


def test_one_click_takes_a_reader_off_before_the_next_send(sent, endpoint):
    """GET changes nothing, the one-click POST of RFC 8058 does, and March leaves that reader out."""
    mail = mails(sent)["newsdesk@example.com"]
    path = re.search(r"https://leave\.example\.org(/u/[^>]+)>", mail["List-Unsubscribe"])[1]
    assert httpx.get(endpoint + path, timeout=30).status_code == 200
    assert "newsdesk" not in sent("subscribers", "suppressed").out
    answer = httpx.post(endpoint + path, data={"List-Unsubscribe": "One-Click"}, timeout=30)
    assert (answer.status_code, answer.cookies, answer.history) == (200, httpx.Cookies(), [])
    assert "newsdesk@example.com" in sent("subscribers", "suppressed").out
    assert sent("send", *MARCH, "--live", "--yes", "--eml", "march", now="2022-04-01").code == 0
    assert set(mails(sent)) - set(mails(sent, "march")) == {"newsdesk@example.com"}


@pytest.mark.archived
def test_the_archive_is_served_when_it_is_published(sent, endpoint):
    """What stands in public/ is, with what a cache asks with; what was kept of the send is not."""
    address = f"{endpoint}/archive/2022-02/everyone/en/"
    page = httpx.get(address.rstrip("/"), follow_redirects=True, timeout=30)
    assert page.status_code == 200
    assert "February 2022" in page.text
    assert "Sent to" not in page.text
    assert httpx.get(address, headers={"If-None-Match": page.headers["etag"]}, timeout=30).status_code == 304
    for path in ("rendering.json", "digest.eml", "../../../../config.yaml"):
        assert httpx.get(f"{address}{path}", timeout=30).status_code == 404
    (sent.root / "public/2022-02/everyone/en/index.html").unlink()
    assert (sent.root / "archive/2022-02/everyone/en/index.html").exists()
    assert httpx.get(address, timeout=30).status_code == 404


def test_serve_needs_a_secret(newsroom):
    """Without a secret nothing is served, and the line says which variable to set."""
    done = newsroom("serve")
    assert done.code == 2
    assert "DIGEST_UNSUBSCRIBE_SECRET is not set: without it readers cannot leave by their links" in done.err


def test_a_port_that_is_taken_is_said(newsroom):
    """Where another program listens, one line says so before anything is served."""
    newsroom.monkeypatch.setenv("DIGEST_UNSUBSCRIBE_SECRET", SECRET)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = newsroom("serve", "--port", str(port))
    assert (done.code, len(done.lines)) == (2, 1)
    assert f"127.0.0.1:{port} cannot be listened on (Address already in use); --port 0 takes a free port" in done.err


REPORT = """\
From: MAILER-DAEMON@mx.example.net
To: digest@example.org
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

It did not work.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user

--b
Content-Type: message/rfc822-headers

Message-ID: {identity}
To: {address}

--b--
"""


def test_a_hard_bounce_suppresses_and_a_forged_one_does_not(sent):
    """A report about a mail of ours takes a dead address off; one that names no mail of ours changes nothing."""
    real = mails(sent)["wei.chen@example.net"]["Message-ID"]
    sent.write("forged.eml", REPORT.format(address="newsdesk@example.com", identity="<made-up@example.org>"))
    sent.write("real.eml", REPORT.format(address="wei.chen@example.net", identity=real))
    assert "nobody" in sent("bounces", "forged.eml").out
    assert "1 bounced" in sent("bounces", "real.eml", "--dry-run").out
    assert "wei.chen" not in sent("subscribers", "suppressed").out
    assert "1 bounced" in sent("bounces", "real.eml").out
    assert "wei.chen@example.net" in sent("subscribers", "suppressed").out


@pytest.mark.parametrize("kind", [mailbox.Maildir, mailbox.mbox])
def test_the_status_says_what_came_back(sent, kind):
    """A report in a Maildir or an mbox, about a mail that was accepted: from then on `status` counts it as bounced."""
    assert "bounced" not in sent("status", EDITION).out
    real = mails(sent)["wei.chen@example.net"]["Message-ID"]
    box = kind(sent.root / "reports")
    box.add(REPORT.format(address="wei.chen@example.net", identity=real).encode())
    box.close()
    assert "1 bounced" in sent("bounces", "reports").out
    assert f"{EDITION}: 6 accepted, of which 1 mail came back (bounced)" in sent("status", EDITION).out
    (row,) = json.loads(sent("status", EDITION, "--json").out)
    assert row["bounced"] == 1


@pytest.mark.parametrize("section", ["", "\nbounces: {password_env: PRESS_MAILBOX}\n"])
def test_a_missing_password_of_the_mailbox_is_named(sent, section):
    """Its variable, its setting with the line where there is one, and what else would do: as for the relay."""
    with (sent.root / "config.yaml").open("a", encoding="utf-8") as file:
        file.write(section)
    lines = (sent.root / "config.yaml").read_text(encoding="utf-8").splitlines()
    place, variable = (rf":{len(lines)}", "PRESS_MAILBOX") if section else (r"(?::\d+)?", "DIGEST_IMAP_PASSWORD")
    done = sent("bounces", "imaps://bounces@mail.example.org")
    how = rf"set \${variable} \(bounces\.password_env\), or name a file: bounces\.password_file"
    said = rf"IMAP needs its password: {how}, or give bounces\.token_command"
    assert (done.code, len(done.lines)) == (2, 1)
    assert re.fullmatch(rf"digest: config\.yaml{place}: bounces\.password_env: {said}", done.lines[0])


def test_the_password_of_the_mailbox_may_be_in_a_file(sent, tmp_path_factory):
    """A real Dovecot lets in who has the words of bounces.password_file; one that others can read is warned about."""
    with Dovecot(tmp_path_factory.mktemp("dovecot"), password="hunter2") as dovecot:
        with (sent.root / "config.yaml").open("a", encoding="utf-8") as file:
            file.write(f"\nbounces: {{password_file: imap, ca_file: {dovecot.ca_file}}}\n")
        sent.write("imap", "hunter2\n").chmod(0o600)
        done = sent("bounces", dovecot.url)
        assert (done.code, done.err) == (0, ""), dovecot.log()
        (sent.root / "imap").chmod(0o644)
        said = "digest: imap: has mode 644: others can read this secret; chmod 600 imap"
        assert sent("bounces", dovecot.url).lines == [said]
        assert said in sent("config").lines
    sent.write("imap", "").chmod(0o600)
    empty = sent("bounces", dovecot.url)
    assert empty.code == 2
    assert "bounces.password_file: IMAP needs its password: write it into imap (bounces.password_file), or" in empty.err
    (sent.root / "imap").unlink()
    assert "imap: this secret cannot be read: No such file" in sent("bounces", dovecot.url).err


def test_bounces_are_not_read_without_the_secret(newsroom):
    """Without the secret anybody could write a report about a reader of ours, so none is believed."""
    newsroom.write("mail.eml", "Subject: x\n\n")
    done = newsroom("bounces", "mail.eml")
    assert (done.code, len(done.lines)) == (2, 1)
    assert "export DIGEST_UNSUBSCRIBE_SECRET=$(openssl rand -hex 32)" in done.err
    newsroom.write("secret", "\n").chmod(0o600)
    newsroom.edit("config.yaml", "smtp:\n", "unsubscribe: {secret_file: secret}\n\nsmtp:\n")
    assert "secret is empty" in newsroom("bounces", "mail.eml").err


def test_leaving_by_mail_needs_the_readers_own_token(sent):
    """The mailto of a reader's mail takes that reader off; the bare word from anybody is left for a person."""
    header = mails(sent)["o.brien@example.org"]["List-Unsubscribe"]
    subject = re.search(r"mailto:[^?]+\?subject=([^>]+)>", header)[1].replace("%20", " ")
    wish = "From: anybody@example.com\nTo: newsroom@ilo.org\nSubject: {}\n\nplease\n"
    sent.write("bare.eml", wish.format("unsubscribe"))
    sent.write("token.eml", wish.format(subject))
    assert "for a person" in sent("bounces", "bare.eml").out
    assert sent("subscribers", "suppressed", "--json").out.strip() == "[]"
    assert "1 unsubscribed" in sent("bounces", "token.eml").out
    assert "o.brien@example.org" in sent("subscribers", "suppressed").out


def test_subscribers_come_and_go(newsroom):
    """add, remove, import and export work on the audience's file and nothing else."""
    file = newsroom.root / "recipients/everyone.csv"
    assert newsroom("subscribers", "add", "-a", "everyone", "new@example.org", "--name", "New One").code == 0
    assert "New One" in file.read_text(encoding="utf-8")
    assert "on the list already" in newsroom("subscribers", "add", "-a", "everyone", "NEW@example.org").out
    newsroom.write("more.csv", "email;name\nanother@example.org;Another\nbad@@example.org;Bad\nnew@example.org;Again\n")
    done = newsroom("subscribers", "import", "-a", "everyone", "more.csv")
    assert done.code == 1
    assert "more.csv:3" in done.err
    assert "1 added, 1 there already" in done.out
    assert newsroom("subscribers", "remove", "-a", "everyone", "new@example.org").code == 0
    newsroom("subscribers", "suppress", "another@example.org")
    exported = newsroom("subscribers", "export", "-a", "everyone").out
    assert "another@example.org" not in exported
    assert "another@example.org" in newsroom("subscribers", "export", "-a", "everyone", "--everyone").out
    refused = newsroom("subscribers", "unsuppress", "another@example.org")
    assert (refused.code, "--because" in refused.err) == (2, True)
    assert newsroom("subscribers", "unsuppress", "another@example.org", "--because", "she asked").code == 0
    assert "another@example.org" in newsroom("subscribers", "export", "-a", "everyone").out


def test_who_left_another_tool_is_suppressed_for_readers_of_a_database_too(newsroom):
    """The list is only read, and nobody is added to it: said. Without a status, or to change readers, it is refused."""
    newsroom.edit(
        "config.yaml", "{csv: recipients/everyone.csv}",
        "{sql: {url: 'sqlite:///crm.db', query: select email from people}}",
    )  # fmt: skip
    newsroom.write("left.csv", "Email,Status\nin@example.org,subscribed\nout@example.org,unsubscribed\n")
    flags = ("subscribers", "import", "-a", "everyone", "left.csv")
    foreseen = newsroom(*flags, "--dry-run")
    assert "1 unsubscribed; 1 would be newly suppressed" in foreseen.out
    assert newsroom("subscribers", "suppressed", "--json").out.strip() == "[]"
    done = newsroom(*flags)
    assert (done.code, done.out.splitlines()) == (0, [
        "1 reader of the file not added: the list of everyone is in a database",
        "not to be mailed by the file: 1 unsubscribed; 1 is newly suppressed",
        "nothing else changed",
    ])  # fmt: skip
    assert "out@example.org" in newsroom("subscribers", "suppressed").out
    assert "cannot add readers there" in newsroom(*flags, "--sync").err
    newsroom.write("left.csv", "Email\nin@example.org\n")
    assert "cannot add readers there" in newsroom(*flags).err


def test_why_a_reader_is_not_mailed_is_said_everywhere_the_same_way(newsroom):
    """list, export, plan and send agree on who is in: suppressions, the list's own statuses, topics, segments."""
    newsroom.write("recipients/own.csv", "email,name,country,status,topics\n"
                   "in@example.org,In,CH,subscribed,Water\nleft@example.org,Left,CH,unsubscribed,water\n"
                   "de@example.org,De,DE,subscribed,water\nskill@example.org,Skill,CH,subscribed,skills\n"
                   "gone@example.org,Gone,CH,subscribed,water\nodd@example.org,Odd,CH,on leave,water\n")  # fmt: skip
    config = (newsroom.root / "config.yaml").read_text(encoding="utf-8")
    section = "{csv: recipients/own.csv, topics: water, only: {Country: [ch, FR]}}"
    newsroom.write("config.yaml", config.replace("{csv: recipients/everyone.csv}", section))
    newsroom("subscribers", "suppress", "gone@example.org")
    listed = newsroom("subscribers", "list", "-a", "everyone")
    assert listed.code == 1
    assert listed.out.splitlines() == [
        "in@example.org  In  water",
        "left@example.org  Left  water  not mailed: unsubscribed (status: unsubscribed)",
        "de@example.org  De  water  not mailed: country is none of ch, FR",
        "skill@example.org  Skill  skills  not mailed: has none of the topics water",
        "gone@example.org  Gone  water  not mailed: manual",
    ]
    assert "own.csv:7: status: 'on leave'" in listed.err
    exported = newsroom("subscribers", "export", "-a", "everyone")
    assert exported.code == 1  # as of the list: a row was left out
    assert exported.out == "email,name,language,topics,country\nin@example.org,In,,water,CH\n"
    assert "digest: not mailed: 1, has none of the topics water\n" in exported.err
    everyone = newsroom("subscribers", "export", "-a", "everyone", "--everyone").out
    assert everyone.splitlines()[2] == "left@example.org,Left,,water,CH,unsubscribed"
    flags = ("--month", "2022-02", "--audience", "everyone")
    plan = newsroom("send", *flags)
    assert re.search(r"  1 mail x \d+ KB \(1 suppressed, 1 not readable, 2 not for this edition left out\)", plan.out)
    assert "  by the list itself not to be mailed: 1 unsubscribed\n" in plan.out
    assert "  not in the segment: 1, country is none of ch, FR\n" in plan.out
    sent = newsroom("send", *flags, "--live", "--yes", "--eml", "out")
    assert "1 unsubscribed" in sent.out + sent.err
    (mail,) = (newsroom.root / "out").rglob("*.eml")
    assert b"\r\nTo: In <in@example.org>\r\n" in mail.read_bytes()


@pytest.mark.parametrize(("segment", "message"), [
    ("only: {contry: [CH]}", "recipients.only.contry: the list has no such column, did you mean 'country'?"),
    ("except: {joined: {before: soon}}", "audiences.everyone.recipients.except.joined.before: "),
    ("only: {country: {}}", "audiences.everyone.recipients.only.country: is empty; write a list of values"),
    ("only: {country: []}", "audiences.everyone.recipients.only.country: is empty; write a list of values"),
    ("only: {country: }", "audiences.everyone.recipients.only.country: is empty, give it a value"),
    ("except: {joined: {before: 2021-01-01, at_least: 3}}", "except.joined: asks for a day and a number; no value is"),
])  # fmt: skip
def test_a_segment_that_cannot_be_is_one_line(newsroom, segment, message):
    """An unknown column, a day that is none, nothing asked, or what no value can be: with file, line and key."""
    newsroom.write("recipients/own.csv", "email,country,joined\nin@example.org,CH,2021-01-01\n")
    config = (newsroom.root / "config.yaml").read_text(encoding="utf-8")
    section = f"{{csv: recipients/own.csv, {segment}}}"
    newsroom.write("config.yaml", config.replace("{csv: recipients/everyone.csv}", section))
    done = newsroom("send", "--month", "2022-02", "--audience", "everyone")
    assert done.code == 2
    assert "config.yaml:17: " in done.err
    assert message in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("segment", "who"),
    [
        ("only: {language: French}", ["fr", "oldfr"]),
        ("only: {language: [fr_FR, ger]}", ["de"]),
        ("except: {language: Français}", ["de", "none"]),
        ("topics: [Green jobs]", ["fr", "de"]),
        ("only: {topics: green-jobs}", ["fr", "de"]),
    ],
)
def test_a_segment_says_things_as_a_list_does(newsroom, segment, who):
    """A language by its name or its three letters, a topic however its words are joined: as in the list itself."""
    rows = "fr,French,green-jobs\noldfr,fra,\nde,deu,Green jobs;\nnone,,water\n"
    rows = "".join(f"{row.replace(',', '@example.org,', 1)}\n" for row in rows.splitlines())
    newsroom.write("recipients/own.csv", f"email,language,topics\n{rows}")
    newsroom.edit("config.yaml", "{csv: recipients/everyone.csv}", f"{{csv: recipients/own.csv, {segment}}}")
    listed = newsroom("subscribers", "list", "-a", "everyone", "--json").out
    mailed = [row["address"].partition("@")[0] for row in json.loads(listed)["readers"] if not row["not_mailed"]]
    assert mailed == who


def test_a_language_that_is_none_is_a_fault_of_the_segment(newsroom):
    """It would match nobody, or, under `except`, mail whom it is to leave out."""
    newsroom.edit(
        "config.yaml", "{csv: recipients/everyone.csv}", "{csv: recipients/everyone.csv, only: {language: X1}}"
    )
    done = newsroom("send", "--month", "2022-02", "--audience", "everyone")
    assert (done.code, "audiences.everyone.recipients.only.language: 'X1' is no language" in done.err) == (2, True)


def test_an_address_is_found_however_its_domain_is_typed(newsroom):
    """`bücher.example` and its A-label are one domain, for who unsuppresses as for who is on the list."""
    newsroom.write("recipients/everyone.csv", "email,name\nanna@bücher.example,Anna\n")
    assert newsroom("subscribers", "suppress", "anna@bücher.example").code == 0
    done = newsroom("subscribers", "unsuppress", "Anna@Bücher.example", "--because", "asked again")
    assert (done.code, "everyone: is mailed" in done.out) == (0, True), done.out


def test_a_reader_is_added_with_topics_and_language(newsroom):
    """As a row of the list would be read; what cannot be is one line."""
    add = ("subscribers", "add", "-a", "everyone", "new@example.org")
    assert newsroom(*add, "--name", "New", "--language", "French", "--topics", "Water, Green jobs").code == 0
    assert "new@example.org  New  fr  water;green jobs" in newsroom("subscribers", "list", "-a", "everyone").out
    done = newsroom(*add, "--language", "Klingonese")
    assert (done.code, "--language: 'Klingonese' is no language" in done.err) == (2, True)


def test_a_column_that_says_whom_to_mail_is_no_merge_field_and_no_segment(newsroom):
    """Both are told before the freeze: a send ended with a traceback, after it, and a segment lacked its column."""
    newsroom.write("recipients/own.csv", "email,newsletter\nin@example.org,yes\nout@example.org,no\n")
    path = newsroom.root / "config.yaml"
    config = path.read_text(encoding="utf-8")
    own = config.replace("{csv: recipients/everyone.csv", "{csv: recipients/own.csv")
    flags = ("send", "--month", "2022-02", "--audience", "everyone", "--live", "--yes", "--eml", "out")
    newsroom.write("config.yaml", f"{own}\nmail:\n  subject: 'For {{{{ reader.field.newsletter }}}}'\n")
    done = newsroom(*flags)
    assert "reader.field.newsletter: the list has no column of this name to show" in done.err
    assert not (newsroom.root / "out").exists()
    newsroom.write("config.yaml", own.replace("recipients/own.csv", "recipients/own.csv, only: {newsletter: [yes]}"))
    done = newsroom(*flags)
    assert done.code == 2
    assert "recipients.only.newsletter: this column says who is on the list, and is heeded without being" in done.err
