"""Links, images, DNS and spamd are asked on request, through real servers on this machine."""

from __future__ import annotations

import base64
import socket
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from check_subjects import JPEG, MAIL, NEWSROOM, PNG, html, rendering, selection, story, subject
from msgspec.structs import replace

from digest.checks.context import Online, WebAnswer
from digest.checks.network import ask, read
from digest.checks.registry import CHECKS, run
from digest.errors import FetchError

PAGES = {
    "/ok": (200, "text/html", b"<p>ok</p>"),
    "/gone": (404, "text/html", b""),
    "/shy": (403, "text/html", b""),
    "/broken": (503, "text/html", b""),
    "/photo.jpg": (200, "image/jpeg", JPEG),
    "/page.jpg": (200, "text/html", b"<p>not a photo</p>"),
    "/mislabelled.png": (200, "application/octet-stream", PNG),
}
KEY = base64.b64encode(b"\x30" * 294).decode()
SHORT_KEY = base64.b64encode(b"\x30" * 162).decode()
SOUND_ZONE = {
    "ilo.org": ["v=spf1 include:relay.example ~all", "some-site-verification=1"],
    "relay.example": ["v=spf1 ip4:192.0.2.0/24 -all"],
    "s1._domainkey.ilo.org": [f"v=DKIM1; k=rsa; p={KEY}"],
    "_dmarc.ilo.org": ["v=DMARC1; p=none; rua=mailto:dmarc@ilo.org"],
}
SIGNED = MAIL.replace(b"From:", b"DKIM-Signature: v=1; a=rsa-sha256; d=ilo.org;\r\n s=s1; b=abc\r\nFrom:")
HAM = b"SPAMD/1.1 0 EX_OK\r\nContent-length: 120\r\nSpam: False ; 1.1 / 5.0\r\n\r\n 1.1 URI_HEX URI: hex\n"
SPAM = (
    b"SPAMD/1.1 0 EX_OK\r\nContent-length: 220\r\nSpam: True ; 7.6 / 5.0\r\n\r\nContent analysis details:\n\n"
    b" pts rule name              description\n---- ---------------------- -----\n"
    b" 3.5 BAYES_99               BODY: Bayes spam probability is 99 to 100%\n 4.1 GTUBE_LIKE  BODY: test\n"
    b"-0.1 DKIM_VALID  Message has a valid signature\n"
)


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        status, kind, body = PAGES[self.path]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture(scope="module")
def web():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(url: str) -> WebAnswer:
    """A real request; what an import's fetch would refuse or cannot reach is a FetchError here too."""
    try:
        with urllib.request.urlopen(url, timeout=60) as reply:
            return WebAnswer(reply.status, reply.headers.get_content_type(), reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return WebAnswer(error.code, error.headers.get_content_type())
    except OSError as error:
        message = f"cannot be reached: {error}"
        raise FetchError(message) from None


@contextmanager
def name_server(zone):
    """A DNS server on loopback that answers TXT questions from `zone`; None in place of a list means silence."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))
    listening.settimeout(0.05)
    done = threading.Event()

    def serve():
        while not done.is_set():
            try:
                data, sender = listening.recvfrom(4096)
            except TimeoutError:
                continue
            question = dns.message.from_wire(data)
            name = question.question[0].name.to_text().rstrip(".").lower()
            answer = dns.message.make_response(question)
            answer.flags |= dns.flags.RA
            if name not in zone:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif zone[name] is None:
                continue
            else:
                quoted = [" ".join(f'"{text[i : i + 200]}"' for i in range(0, len(text), 200)) for text in zone[name]]
                answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", *quoted))
            listening.sendto(answer.to_wire(), sender)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], listening.getsockname()[1]
    try:
        yield resolver
    finally:
        done.set()
        thread.join()
        listening.close()


@contextmanager
def spam_daemon(reply, heard=None):
    """A spamd that gives one canned reply; with None it takes the mail and says nothing."""
    listening = socket.create_server(("127.0.0.1", 0))
    quiet = threading.Event()

    def serve():
        connection, _ = listening.accept()
        with connection:
            data = b""
            while chunk := connection.recv(65_536):
                data += chunk
            if heard is not None:
                heard.append(data)
            if reply is None:
                quiet.wait(60)
            else:
                connection.sendall(reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        quiet.set()
        thread.join()
        listening.close()


def heard_about(code, examined):
    return [finding for finding in run(examined, network=True) if finding.code == code]


# --- links and images


def linked(web, *paths):
    told = [story(number, link=f"{web}{path}") for number, path in enumerate(paths, 1)]
    return subject(*told, online=Online(fetch=fetch, dns=False))


def shown(web, path):
    image = f'<p><img src="{web}{path}" alt="A loom" width="600"></p>'
    parts = rendering((story(1),), html=html((story(1, link=""),), after=image))
    return subject(selection=selection([story(1, link="")]), rendering=parts, online=Online(fetch=fetch, dns=False))


def test_a_link_that_is_gone_is_an_error_at_the_story_and_one_that_answers_is_none(web):
    """404 is dead; 200 is alive; the finding names the story that wrote the link."""
    found = heard_about("link-dead", linked(web, "/ok", "/gone"))
    assert [(finding.where, "404" in finding.message) for finding in found] == [(story(2).file, True)]


@pytest.mark.parametrize("path", ["/shy", "/broken"])
def test_a_link_that_may_only_be_shy_is_a_warning(web, path):
    """403 and 503 tell nothing about what a reader gets."""
    assert heard_about("link-unsure", linked(web, path))
    assert not heard_about("link-dead", linked(web, path))
    assert not heard_about("link-unsure", linked(web, "/ok"))


def test_a_link_whose_server_is_not_there_is_a_warning_with_the_reason(web):
    """What the fetch refuses or cannot reach is told in its words."""
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    (found,) = heard_about("link-unsure", linked(f"http://127.0.0.1:{port}", "/x"))
    assert "cannot be reached" in found.message
    assert web not in found.message


@pytest.mark.parametrize(
    ("address", "reason", "told"),
    [
        ("https://a.eu", "https://a.eu: could not be fetched: a.eu is not known to DNS", "could not be fetched"),
        ("https://a.eu/x/", "https://a.eu/x: took longer than 5 s", "took longer than 5 s"),
        ("https://a.eu/?key=abc", "https://a.eu/?key=***: broke off", "broke off"),
        ("https://a.eu/x", "https://b.eu/: took longer than 5 s", "https://b.eu/: took longer than 5 s"),
        ("https://a.eu/x", "127.0.0.1 is not a public address", "127.0.0.1 is not a public address"),
    ],
)
@pytest.mark.parametrize(("code", "kind"), [("link-unsure", "link"), ("image-dead", "image")])
def test_an_address_is_said_once(code, kind, address, reason, told):
    """A reason that begins with the address is not told behind it again; one that names another place is."""

    def fetch(_url):
        raise FetchError(reason)

    looked = subject(
        selection=selection([story(1, **{"link": "", kind: address})]),
        rendering=rendering(),
        online=Online(fetch=fetch, dns=False),
    )
    (found,) = heard_about(code, looked)
    assert found.message.startswith(f"{address}: {told}")


@pytest.mark.parametrize("path", ["/gone", "/page.jpg", "/mislabelled.png"])
def test_an_image_that_does_not_answer_as_an_image_is_an_error(web, path):
    """404, a web page and a photo under a wrong type are all blank in a mail program."""
    assert heard_about("image-dead", shown(web, path))
    assert not heard_about("image-dead", shown(web, "/photo.jpg"))


def test_each_address_is_asked_once():
    """Two stories with one link, and the HTML's own, cost one request."""
    asked = []

    def counting(url):
        asked.append(url)
        return WebAnswer(200, "text/html")

    run(subject(story(1), story(2, link=story(1).link), online=Online(fetch=counting, dns=False)), network=True)
    assert asked == [story(1).link]


def test_asking_for_the_network_without_a_way_to_it_is_said():
    """No silence that could be taken for success."""
    assert heard_about("network-unasked", subject())
    assert not heard_about("network-unasked", subject(online=Online(dns=False)))


# --- DNS


class Zone(NamedTuple):
    code: str
    changes: dict
    words: str


WEAK = [
    Zone("spf", {"ilo.org": ["x"]}, "no SPF record"),
    Zone("spf", {"ilo.org": ["v=spf1 -all", "v=spf1 ~all"]}, "2 SPF records"),
    Zone("spf", {"ilo.org": ["v=spf1 +all"]}, "lets everybody send"),
    Zone("spf", {"ilo.org": ["v=spf1 all"]}, "lets everybody send"),
    Zone("spf", {"ilo.org": ["v=spf1 mx"]}, "says nothing about other machines"),
    Zone("spf", {"ilo.org": [f"v=spf1 {'a:x.example ' * 11}-all"]}, "takes 11 DNS questions"),
    Zone(
        "spf",
        {"ilo.org": ["v=spf1 include:relay.example -all"], "relay.example": [f"v=spf1 {'mx:x.example ' * 10}-all"]},
        "takes 11 DNS questions",
    ),
    Zone("dkim", {"s1._domainkey.ilo.org": ["nothing"]}, "has no DKIM key"),
    Zone("dkim", {"s1._domainkey.ilo.org": ["v=DKIM1; p="]}, "revoked"),
    Zone("dkim", {"s1._domainkey.ilo.org": ["v=DKIM1; p=***"]}, "no base64"),
    Zone("dkim", {"s1._domainkey.ilo.org": [f"v=DKIM1; p={SHORT_KEY}"]}, "shorter than 2048"),
    Zone("dkim", {"s1._domainkey.ilo.org": [f"p={KEY}", f"p=A{KEY}"]}, "several"),
    Zone("dmarc", {"_dmarc.ilo.org": ["other"]}, "has no DMARC record"),
    Zone("dmarc", {"_dmarc.ilo.org": ["v=DMARC1; p=maybe"]}, "its policy is 'maybe'"),
    Zone("dmarc", {"_dmarc.ilo.org": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, "2 DMARC records"),
]


def test_a_domain_that_dns_does_not_know_is_called_so():
    """Where From's domain is not there at all (NXDOMAIN), that is said, and not that a record is to be added to it."""
    zone = {name: texts for name, texts in SOUND_ZONE.items() if name != "ilo.org"}
    with name_server(zone) as resolver:
        (found,) = heard_about("spf", asked(resolver))
    assert found.where == "dns:ilo.org"
    assert found.message == "is not in DNS: no mail from it is taken; is newsroom.from spelled right?"


def asked(resolver, **changes):
    return replace(subject(mail=SIGNED, online=Online(resolver=resolver, seconds=2)), **changes)


@pytest.mark.parametrize("weak", WEAK, ids=lambda weak: f"{weak.code}-{weak.words}")
def test_a_weak_zone_is_named(weak):
    """Each fault of SPF, DKIM and DMARC is found, at the name where it stands."""
    with name_server(SOUND_ZONE | weak.changes) as resolver:
        found = heard_about(weak.code, asked(resolver))
    assert len(found) == 1
    assert weak.words in found[0].message
    assert "ilo.org" in found[0].where


def test_a_sound_zone_has_no_findings():
    """SPF, DKIM and DMARC that are right, of a long key in two strings, give nothing."""
    with name_server(SOUND_ZONE) as resolver:
        found = {finding.code for finding in run(asked(resolver), network=True)}
    assert found & {"spf", "dkim", "dmarc", "dns-unanswered", "dkim-absent"} == set()


def test_a_sender_below_the_domain_that_has_the_policy_is_covered():
    """DMARC is looked up one label after the other, and a signature of the domain above aligns."""
    zone = SOUND_ZONE | {"news.ilo.org": ["v=spf1 -all"]}
    below = replace(NEWSROOM, sender="digest@news.ilo.org")
    with name_server(zone) as resolver:
        found = {finding.code for finding in run(asked(resolver, newsroom=below), network=True)}
    assert found & {"spf", "dkim", "dmarc"} == set()


def test_a_signature_of_another_domain_does_not_align():
    """A relay that signs only for itself leaves From unproved."""
    other = SIGNED.replace(b"d=ilo.org", b"d=relay.example")
    zone = SOUND_ZONE | {"s1._domainkey.relay.example": [f"p={KEY}"]}
    with name_server(zone) as resolver:
        found = heard_about("dkim", asked(resolver, mail=other))
    assert "does not align with From's ilo.org" in found[0].message


def test_who_signs_is_asked_for_when_nobody_says():
    """An unsigned mail without a configured signer is a warning; naming the signer is enough."""
    with name_server(SOUND_ZONE) as resolver:
        assert heard_about("dkim-absent", asked(resolver, mail=MAIL))
        assert not heard_about("dkim-absent", asked(resolver, mail=MAIL, dkim=("ilo.org", "s1")))


def test_silence_of_dns_is_not_taken_for_an_answer():
    """A name server that does not answer is told once for each name, and blames no record."""
    with name_server(dict.fromkeys(SOUND_ZONE)) as resolver:
        examined = replace(subject(mail=SIGNED), online=Online(resolver=resolver, seconds=0.3))
        found = run(examined, network=True)
    assert len([finding for finding in found if finding.code == "dns-unanswered"]) == 3
    assert not {finding.code for finding in found} & {"spf", "dkim", "dmarc"}
    with name_server(SOUND_ZONE) as resolver:
        assert not heard_about("dns-unanswered", asked(resolver))


# --- spamd


def scored(place, seconds=5.0):
    return subject(online=Online(dns=False, spamd=place[:2], seconds=seconds))


def test_spam_is_an_error_and_ham_is_not():
    """The daemon's own threshold decides; the rules that cost most are named first."""
    heard = []
    with spam_daemon(SPAM, heard) as place:
        (found,) = heard_about("spam-score", scored(place))
    assert found.message == "SpamAssassin gives 7.6 where 5.0 is spam: GTUBE_LIKE 4.1, BAYES_99 3.5, DKIM_VALID -0.1"
    assert heard[0].startswith(b"REPORT SPAMC/1.5\r\nContent-length: %d\r\n" % len(MAIL))
    assert heard[0].endswith(b"\r\n\r\n" + MAIL)
    with spam_daemon(HAM) as place:
        assert not heard_about("spam-score", scored(place))


def test_every_rule_that_cost_points_is_told():
    """Rules with points are worth knowing; those that help are not."""
    with spam_daemon(SPAM) as place:
        found = heard_about("spam-rules", scored(place))
    assert [finding.message.split()[2].rstrip(":") for finding in found] == ["BAYES_99", "GTUBE_LIKE"]
    with spam_daemon(HAM.replace(b"1.1 URI_HEX", b"-1.1 URI_HEX")) as place:
        assert not heard_about("spam-rules", scored(place))


@pytest.mark.parametrize(
    "reply", [None, b"", b"SPAMD/1.0 76 EX_PROTOCOL\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nhello", HAM[:30]]
)
def test_a_daemon_that_gives_no_verdict_is_said(reply):
    """Silence, an error, another protocol and half an answer are no good scores."""
    with spam_daemon(reply) as place:
        found = heard_about("spam-unasked", scored(place, seconds=0.5))
    assert len(found) == 1
    with spam_daemon(HAM) as place:
        assert not heard_about("spam-unasked", scored(place))


def test_no_daemon_is_said_too():
    """A refused connection is a finding, never an exception."""
    closed = socket.create_server(("127.0.0.1", 0))
    place = closed.getsockname()
    closed.close()
    assert heard_about("spam-unasked", scored(place))


def test_a_copy_that_is_nobodys_is_judged_as_a_readers():
    """The built mail has no To; it gets one, so that its score is that of the mails that go."""
    heard = []
    nobodys = MAIL.replace(b"\r\nTo: reader@example.net", b"")
    with spam_daemon(HAM, heard) as place:
        run(replace(scored(place), mail=nobodys), network=True)
    assert heard[0].count(b"\r\nTo: reader@example.org\r\n\r\n") == 1
    assert heard[0].startswith(b"REPORT SPAMC/1.5\r\nContent-length: %d\r\n" % (len(nobodys) + 24))


def test_a_score_that_is_no_number_is_refused():
    """Nonsense from the daemon is an OSError with words."""
    with pytest.raises(OSError, match="has no score"):
        read(b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 1.2.3 / 5.0\r\n\r\n")


def test_an_endless_answer_is_cut():
    """A daemon that talks for ever is left."""
    with spam_daemon(b"x" * 1_200_000) as place, pytest.raises(OSError, match="too long"):
        ask(MAIL, place[0], place[1], 5)


def test_every_network_check_is_tried_above():
    """A new network check wants its two cases here."""
    tried = {"link-dead", "link-unsure", "image-dead", "network-unasked", "spf", "dkim", "dmarc", "dns-unanswered"}
    tried |= {"dkim-absent", "spam-score", "spam-rules", "spam-unasked"}
    assert tried == {code for code, check in CHECKS.items() if check.scope == "network"}
