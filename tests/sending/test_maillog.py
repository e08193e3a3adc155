"""What a relay's log says it accepted."""

from __future__ import annotations

import pytest

from digest.smtp.maillog import accepted

POSTFIX = """\
Mar  1 09:00:01 mx postfix/smtpd[21]: connect from localhost[127.0.0.1]
Mar  1 09:00:01 mx postfix/smtpd[21]: 4XYZ1: client=localhost[127.0.0.1]
Mar  1 09:00:01 mx postfix/cleanup[22]: 4XYZ1: message-id=<one@example.org>
Mar  1 09:00:01 mx postfix/qmgr[20]: 4XYZ1: from=<digest@example.org>, size=24000, nrcpt=1 (queue active)
Mar  1 09:00:01 mx postfix/cleanup[22]: 4XYZ2: message-id=<lost@example.org>
Mar  1 09:00:02 mx postfix/smtpd[21]: lost connection after DATA (1000 bytes) from localhost[127.0.0.1]
Mar  1 09:00:02 mx postfix/smtp[25]: 4XYZ1: to=<a@example.com>, relay=mx, delay=1, dsn=2.0.0, status=sent (250 OK)
Mar  1 09:10:02 mx postfix/qmgr[20]: 4XYZ1: from=<digest@example.org>, size=24000, nrcpt=1 (queue active)
Mar  1 09:00:03 mx postfix-out/cleanup[22]: 4XYZ1: message-id=<two@example.org>
Mar  1 09:00:03 mx postfix-out/qmgr[20]: 4XYZ1: from=<digest@example.org>, size=24000, nrcpt=1 (queue active)
"""
EXIM = """\
2022-03-01 09:00:01 1nOxyz-0001Ab-2C <= digest@example.org H=localhost [127.0.0.1] P=esmtp S=24000 id=three@example.org
2022-03-01 09:00:02 1nOxyz-0001Ab-2C => a@example.com R=dnslookup T=remote_smtp H=mx [192.0.2.1] C="250 OK"
2022-03-01 09:00:03 H=localhost [127.0.0.1] rejected after DATA id=no@example.org
"""


def test_postfix_counts_what_is_whole_and_queued():
    """A mail counts when it was queued; one whose connection was lost, or whose queue id comes again, does not."""
    assert list(accepted(POSTFIX.splitlines())) == ["one@example.org", "two@example.org"]


def test_exim_counts_what_it_took():
    """Exim's `<=` line counts; deliveries onwards and refusals do not."""
    assert list(accepted(EXIM.splitlines())) == ["three@example.org"]


def test_other_lines_say_nothing():
    """A log of something else settles nothing."""
    assert list(accepted(["", "message-id=<x@example.org>", "cleanup: queue active"])) == []


@pytest.mark.parametrize(
    "head",
    [
        "Mar  1 09:00:01 mx {}[21]: ",
        "Mar 01 09:00:01 mx {}[21]: ",  # maillog_file
        "2022-03-01T09:00:01.123456+01:00 mx {}[21]: ",  # rsyslog since Debian 12
        "<22>1 2022-03-01T09:00:01.123456+01:00 mx {} 21 - - ",  # RFC 5424
        "{}[21]: ",
        "postfix-1  | Mar 01 09:00:01 mx {}[21]: ",
    ],
)
@pytest.mark.parametrize(("name", "queue"), [("postfix", "09C7B23C076"), ("mx-out/submission", "4jd7r10bKszKdnt")])
def test_however_postfix_is_called_and_its_log_is_dated(head, name, queue):
    """Syslog, files of its own, ISO dates, RFC 5424, any instance, short and long queue ids: a mail is found."""
    lines = [
        f"{head.format(f'{name}/cleanup')}{queue}: message-id=<one@example.org>",
        f"{head.format(f'{name}/cleanup')}{queue}: resent-message-id=<other@example.org>",
        f"{head.format(f'{name}/qmgr')}{queue}: from=<digest@example.org>, size=279, nrcpt=1 (queue active)",
    ]
    assert list(accepted(lines)) == ["one@example.org"]


def test_a_queue_id_that_comes_again_without_a_message_id_brings_nobody_theirs():
    """A mail was cut off, and another without a Message-ID has its queue id: the first one is still in doubt."""
    lines = [
        "Mar 01 09:00:01 mx postfix/cleanup[22]: 4XYZ1: message-id=<lost@example.org>",
        "Mar 01 09:00:02 mx postfix/smtpd[21]: lost connection after DATA (1000 bytes) from localhost[127.0.0.1]",
        "Mar 01 09:10:01 mx postfix/cleanup[22]: 4XYZ1: message-id=<>",
        "Mar 01 09:10:01 mx postfix/qmgr[20]: 4XYZ1: from=<cron@example.org>, size=400, nrcpt=1 (queue active)",
    ]
    assert list(accepted(lines)) == []
