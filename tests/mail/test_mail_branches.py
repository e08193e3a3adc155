"""Words for some readers and values with words in their stead: encoded once, and still the bytes of the slow way."""

from __future__ import annotations

import email
import email.policy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail_parts import ANNA, LEAVE, NONCE, identifier, letterhead, rendering, slot, template
from mail_reference import slow_join

from digest.errors import RenderError
from digest.mail.body import fill_html, fill_text
from digest.mail.inspect import inspect
from digest.mail.slots import cut, holes
from digest.mail.template import MailTemplate
from digest.text.merge import ELSE, END, branch_name, evaluate, expression, needed, slot_name

NAMES = ("name", "field.city", "field.vip")
words = st.text(st.sampled_from("aé漢 .=\n\tF-"), max_size=90) | st.just("From \n.\n-- \n") | st.text(max_size=9)
values = st.fixed_dictionaries({name: st.text(st.sampled_from("aBé .<=-"), max_size=20) for name in NAMES})
expressions = st.recursive(
    st.sampled_from(NAMES) | st.builds(lambda text: ("text", text), st.text(st.sampled_from("xé&"), max_size=5)),
    lambda inner: (
        st.tuples(st.just("or"), inner, inner)
        | st.tuples(st.sampled_from(("upper", "lower", "title", "spaced")), inner)
    ),
    max_leaves=4,
)
conditions = st.recursive(
    expressions,
    lambda inner: st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(("and", "or")), inner, inner),
    max_leaves=3,
).filter(lambda condition: "spaced" not in str(condition))


@st.composite
def pieces(draw, depth=2):
    """A text with slots and branches in it, and the names of its slots."""
    text, names = "", set()
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(("words", "slot", "branch"))) if depth else "words"
        if kind == "words":
            text += draw(words).replace(NONCE, "")
        elif kind == "slot":
            name = slot_name(draw(expressions))
            text, names = text + slot(name), names | {name}
        else:
            name = branch_name(draw(conditions))
            first, inside = draw(pieces(depth=depth - 1))
            second, beside = draw(pieces(depth=depth - 1))
            text += f"{slot(name)}{first}{slot(ELSE)}{second}{slot(END)}"
            names |= {name, ELSE, END} | inside | beside
    return text, names


@given(pieces(), pieces(), values)
def test_the_fast_mail_is_the_slow_mail(text, html, reader):
    """Any branches, nested, empty, ended by blanks, dots or line ends: the same bytes, and what was meant."""
    slots = frozenset(text[1] | html[1] | {"unsubscribe_url"})
    body = html[0].replace("&", "&amp;").replace("<", "&lt;").replace("\x00", "")
    composed = rendering(
        text=text[0],
        html=f"<html><body><p>{body}</p><a href='{slot('unsubscribe_url')}'>x</a></body></html>",
        slots=slots,
    )
    made = MailTemplate._encode(composed, letterhead(), template().date, None)
    wanted = {"unsubscribe_url": LEAVE} | {name: reader[name] for name in made.slots & {*NAMES}}
    data = made.join(ANNA, wanted, identifier())
    assert data == slow_join(made, ANNA, wanted, identifier())
    mail = email.message_from_bytes(data, policy=email.policy.default)
    read = {
        part: mail.get_body([part]).get_payload(decode=True).decode().replace("\r\n", "\n")
        for part in ("plain", "html")
    }
    assert read["plain"] == fill_text(composed.text, NONCE, wanted | reader, slots)
    assert read["html"] == fill_html(composed.html, NONCE, wanted | reader, slots)
    assert not {finding.code for finding in inspect(data)} - {"mail-header-count"}


@pytest.mark.parametrize("before", ["\x9b", "\x1b", "\x1b["])
def test_a_terminals_code_before_a_slot_takes_nothing_of_it(before):
    """In the words of a template, say: the slot is found, and filled."""
    composed = rendering(text=f"Dear {before}{slot('name')}!\n{slot('unsubscribe_url')}")
    mail = MailTemplate._encode(composed, letterhead(), template().date, None)
    data = mail.join(ANNA, {"name": "Anna", "unsubscribe_url": LEAVE}, identifier())
    text = email.message_from_bytes(data, policy=email.policy.default).get_body(["plain"]).get_content()
    assert re.match(r"Dear \[?Anna!\r?\n", text)


@given(expressions)
def test_a_slots_name_is_its_expression(shown):
    """What the composer writes the mail room reads, and an archive keeps: names are text."""
    name = slot_name(shown)
    assert expression(name) == shown
    assert isinstance(evaluate(shown, dict.fromkeys(NAMES, "x")), str)
    assert needed([name]) <= {*NAMES}


@pytest.mark.parametrize("names", [[ELSE], [END], [branch_name("name")], [branch_name("name"), END, END]])
def test_a_branch_that_lost_an_end_is_refused(names):
    """No mail is made of a text that was cut between a condition and its end."""
    text = "".join(f"x{slot(name)}" for name in names) + "\n"
    with pytest.raises(RenderError, match="lost its beginning or its end"):
        holes(*cut(text, NONCE, set(names)))


def test_a_template_is_looked_through_for_mangled_slots_once():
    """A token that something changed on the way is found when the template is made, whatever its case."""
    for mangled in (slot("name").upper(), slot("name")[:-6], slot("other")):
        with pytest.raises(RenderError, match="no name that is known here"):
            template(rendering(text=f"Dear {mangled}, {slot('name')}\n"))


def test_every_value_of_a_condition_is_asked_for():
    """A reader without a value that only a condition needs is refused by name."""
    made = template(rendering(text=f"{slot(branch_name('field.vip'))}a{slot(END)}\n", slots=frozenset(
        {branch_name("field.vip"), END, "unsubscribe_url", "name"})))  # fmt: skip
    assert made.slots == {"field.vip", "unsubscribe_url", "name"}
    with pytest.raises(RenderError, match=r"no value for the slot field\.vip"):
        made.join(ANNA, {"unsubscribe_url": LEAVE, "name": ""}, identifier())
