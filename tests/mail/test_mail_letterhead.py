"""Who a mail says it is from: names that pose as somebody else, contacts that are none (FAULTS 16, 22)."""

from __future__ import annotations

import pytest
from mail_parts import letterhead, template

from digest.errors import ConfigError
from digest.mail.sender_identity import problems


def test_a_sound_letterhead_has_no_problems():
    """Names in any one script, with commas, quotes and the sender's own address, are all right."""
    for name in (
        "",
        "ILO Newsroom",
        "Müller, Zoë",
        'The "Times"',
        "Новости МОТ",
        "國際勞工組織 ILO",
        "digest@example.org",
        "ТАСС-Media",
    ):
        assert problems(letterhead(sender_name=name)) == ()
        template(head=letterhead(sender_name=name))
    assert problems(letterhead(unsubscribe_mailto="mailto:leave@example.org?subject=leave%20now")) == ()
    assert problems(letterhead(language="pt-BR", message_id_domain="mail.example.org")) == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sender_name": "ceo@bank.com"}, "looks like the address 'ceo@bank.com'"),
        ({"sender_name": "Your bank (ceo@bank.com)"}, "looks like the address"),
        ({"sender_name": "ceo＠bank.com"}, "looks like the address"),
        ({"sender_name": "ILО Newsroom"}, "mixes Cyrillic and Latin"),
        ({"sender_name": "Αpple"}, "mixes Greek and Latin"),
        ({"sender_name": "ILO\r\nBcc: x@example.org"}, "line breaks"),
        ({"sender_name": "ILO \u202emoor"}, "direction"),
        ({"sender_name": "x" * 201}, "201 characters"),
        ({"list_name": "ceo@bank.com"}, "list's name"),
        ({"organization": "a\x00b"}, "organization"),
        ({"reply_to_name": "ceo@bank.com"}, "Reply-To name"),
        ({"reply_to": ""}, "Reply-To address is missing"),
        ({"reply_to": "newsroom"}, "has no @"),
        ({"reply_to": "a@ilo.org, b@ilo.org"}, "more than one address"),
        ({"reply_to": "Newsroom <a@ilo.org>"}, "angle brackets"),
        ({"reply_to": "newsroom@ILO.org"}, "write newsroom@ilo.org"),
        ({"sender": "digest@localhost"}, "no dot"),
        ({"sender": "digest@example.org\r\nBcc: x"}, "line break"),
        ({"list_id": "everyone"}, "List-Id"),
        ({"list_id": ""}, "no List-Id"),
        ({"unsubscribe_mailto": "nobody"}, "unsubscribe address"),
        ({"unsubscribe_mailto": "mailto:nobody"}, "unsubscribe address"),
        ({"unsubscribe_mailto": "mailto:a@example.org?subject=a b"}, "unsubscribe address"),
        ({"feedback_id": "a b"}, "Feedback-ID"),
        ({"feedback_id": "a" * 80}, "Feedback-ID"),
        ({"feedback_id": "a:b:c:d:e"}, "Feedback-ID"),
        ({"message_id_domain": "my host"}, "Message-ID domain"),
        ({"language": "English!"}, "BCP 47"),
        ({"headers": (("X-Campaign", "a\r\nBcc: x@example.org"),)}, "X-Campaign"),
        ({"headers": (("Bcc", "x@example.org"),)}, "cannot be set"),
        ({"headers": (("feedback-id", "x"),)}, "cannot be set"),
        ({"headers": (("Content-Type", "text/plain"),)}, "cannot be set"),
        ({"headers": (("X Campaign", "x"),)}, "no name of a header"),
    ],
)
def test_each_problem_is_told_before_any_mail_is_made(changes, told):
    """FAULTS 16, 22: the problem is one printable line, and nothing is compiled with it."""
    head = letterhead(**changes)
    found = problems(head)
    assert any(told in one for one in found), found
    assert all(one.isprintable() for one in found)
    with pytest.raises(ConfigError) as caught:
        template(head=head)
    assert told in str(caught.value)


def test_all_problems_are_told_at_once():
    """A person mends a config once, not once per mistake."""
    assert len(problems(letterhead(sender_name="a@b.com", reply_to="", language="!", feedback_id=" "))) == 4
