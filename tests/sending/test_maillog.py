"""What a relay's log says it accepted."""

from __future__ import annotations

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
