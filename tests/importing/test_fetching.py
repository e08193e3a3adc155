"""Fetching over real sockets: limits, redirects, refused addresses, and servers that mean harm."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import threading
import time
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import FetchError
from digest.fetching import fetch as fetching
from digest.fetching import guard
from digest.fetching.fetch import fetch
from digest.text.urls import is_public
from freeport import free_port


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.server.answer(self)

    def log_message(self, *_):
        pass

    def reply(self, body=b"", status=200, **headers):
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"content-type": "text/html", "content-length": str(len(body)), **named}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(answer):
    """A server on loopback that answers with `answer(handler)`; gives its address and what was asked."""
    server = Server(("127.0.0.1", 0), Handler)
    server.answer, server.seen = answer, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Clients that hang up are what many of these tests are about."""


@contextmanager
def raw_server(talk):
    """A server below HTTP: `talk(connection)` says what it likes, once."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def run():
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # nobody came
        with connection:
            connection.settimeout(10)
            connection.recv(65536)
            try:
                talk(connection, stop)
            except OSError:
                stop.set()  # the client has gone, as it should

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def get(url, **options):
    return fetch(url, **{"allow_private": True, "timeout": 10, **options})


def test_a_page_is_fetched_with_its_type_and_final_address():
    """Bytes, content type, and the address after redirects."""

    def answer(handler):
        if handler.path == "/old":
            handler.reply(status=301, location="/new?x=1")
        else:
            handler.reply("é".encode(), content_type="text/html; charset=utf-8")

    with serving(answer) as (base, _):
        found = get(f"{base}/old")
        assert (found.url, found.data, found.content_type) == (
            f"{base}/new?x=1",
            "é".encode(),
            "text/html; charset=utf-8",
        )


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/", "gopher://x/", "data:text/html,x", "x.txt", "//x/y", "http://"]
)
def test_other_schemes_are_refused(url):
    """Only http and https; a file is given as a path."""
    with pytest.raises(FetchError, match=r"only http and https|is not an address"):
        fetch(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "100.64.0.1",
        "[fe80::1]",
        "[fd00::1]",
        "224.0.0.1",
        "[64:ff9b::a00:1]",
        "[2002:7f00:1::]",
        "192.0.0.1",
        "192.0.0.8",
        "192.88.99.1",
        "198.18.0.1",
        "240.0.0.1",
        "[fec0::1]",
        "[feff::1]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[5f00::1]",
    ],
)
def test_private_addresses_are_refused_however_they_are_spelled(host):
    """Loopback, link-local, private, shared, mapped, special-purpose ones (RFC 6890): before any connection."""
    with pytest.raises(FetchError, match=r"not a public address|is not known"):
        fetch(f"http://{host}:9/", timeout=5)


def test_a_name_that_resolves_to_a_private_address_is_refused():
    """Names are looked through, and one private address among public ones is one too many."""
    with pytest.raises(FetchError, match=r"evil\.example: 10\.0\.0\.7 is not a public address"):
        fetch("http://evil.example/", resolve=lambda _host, _port: ["93.184.216.34", "10.0.0.7"])


@contextmanager
def public_loopback():
    """Let 127.0.0.1, and nothing else of this machine, pass for public: no server of the real internet is at hand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "is_public", lambda address: address == "127.0.0.1" or is_public(address))
        yield


def test_a_name_that_changes_its_mind_gains_nothing():
    """The address that was checked is connected to; the name is not asked again in between, and anew on a new hop."""
    asked = []

    def resolve(host, _port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with (
        public_loopback(),
        serving(lambda handler: handler.reply(status=302, location="http://b.example/")) as (base, _),
        pytest.raises(FetchError, match=r"b\.example: 127\.0\.0\.2 is not a public address"),
    ):
        fetch(base.replace("127.0.0.1", "rebind.example"), resolve=resolve)
    assert asked == ["rebind.example", "b.example"]


def test_the_connection_goes_to_the_checked_address():
    """A host's name is sent in the request, but its address comes from the resolver that was checked."""
    with serving(lambda handler: handler.reply(b"x")) as (base, server):
        port = base.rsplit(":", 1)[1]
        found = get(f"http://newsroom.example:{port}/", resolve=lambda _host, _port: ["127.0.0.1"])
        assert found.url == f"http://newsroom.example:{port}/"
        assert server.seen[0][1]["host"] == f"newsroom.example:{port}"


def test_a_redirect_to_a_private_address_is_refused():
    """Each hop is looked at anew: what began at a public name may not end in a cloud's metadata."""
    target = "http://169.254.169.254/latest/meta-data/"
    with public_loopback(), serving(lambda handler: handler.reply(status=302, location=target)) as (base, server):
        with pytest.raises(FetchError, match=r"169\.254\.169\.254 is not a public address"):
            fetch(base)
        assert len(server.seen) == 1


def test_a_redirect_to_a_file_is_refused():
    """A Location of another scheme is not followed."""
    with (
        serving(lambda handler: handler.reply(status=302, location="file:///etc/passwd")) as (base, _),
        pytest.raises(FetchError, match="only http and https"),
    ):
        get(base)


def test_endless_redirects_end():
    """After five hops it is a loop, and said to be."""
    with serving(lambda handler: handler.reply(status=302, location="/again")) as (base, server):
        with pytest.raises(FetchError, match="more than 5 redirects"):
            get(base)
        assert len(server.seen) == 6


@pytest.mark.parametrize("status", [204, 304, 404, 410, 429, 500, 503])
def test_an_answer_that_is_not_200_is_an_error(status):
    """The status is named."""
    with (
        serving(lambda handler: handler.reply(status=status)) as (base, _),
        pytest.raises(FetchError, match=f"the server answered {status}"),
    ):
        get(base)


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (403, "403 Forbidden; it lets no program in: ask the site to, or save the page from your browser"),
        (410, "410 Gone; give the address that it has now"),
        (429, "429 Too Many Requests; try again later"),
    ],
)
def test_an_answer_that_is_an_error_says_what_to_do(status, advice):
    """What the number means, for who has never heard of it."""
    with serving(lambda handler: handler.reply(status=status)) as (base, _), pytest.raises(FetchError) as refused:
        get(base)
    assert str(refused.value) == f"{base}: the server answered {advice}"


@pytest.mark.parametrize("kind", ["image/png", "application/pdf", "application/zip", "video/mp4"])
def test_a_type_that_is_no_listing_is_refused(kind):
    """A picture or a document is named as what it is."""
    with (
        serving(lambda handler: handler.reply(b"x", content_type=kind)) as (base, _),
        pytest.raises(FetchError, match=f"is {kind}"),
    ):
        get(base)


def test_a_body_that_is_too_large_is_refused_before_it_is_read():
    """A Content-Length above the limit is enough."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("content-length", "5000000000")
        handler.end_headers()

    with serving(answer) as (base, _), pytest.raises(FetchError, match="more than 1,000 bytes"):
        get(base, max_bytes=1000)


def test_a_body_without_an_end_is_cut_off():
    """Without a Content-Length it is read up to the limit."""

    def talk(connection, stop):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        while not stop.is_set():
            connection.sendall(b"x" * 65536)

    with raw_server(talk) as url, pytest.raises(FetchError, match="more than 500,000 bytes"):
        get(url, max_bytes=500_000)


def test_a_gzip_bomb_is_unpacked_no_further_than_the_limit():
    """A few kilobytes that hold a gigabyte stop at the limit."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([*(packer.compress(b"\0" * 1_000_000) for _ in range(200)), packer.flush()])
    with (
        serving(lambda handler: handler.reply(bomb, content_encoding="gzip")) as (base, _),
        pytest.raises(FetchError, match="more than 1,000,000 bytes"),
    ):
        get(base, max_bytes=1_000_000)


def test_a_gzip_bomb_takes_no_more_memory_than_a_block():
    """One packed block could hold a thousand times its size, so it is unpacked in pieces."""
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    sizes = [len(piece) for piece in fetching._unpacked([bomb], "gzip", "x")]
    assert sum(sizes) == 50_000_000
    assert max(sizes) == 65_536


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_packed_bodies_are_unpacked(name, pack):
    """Whatever their size, to the last byte."""
    body = bytes(range(256)) * 2000 + b"\0" * 300_000
    with serving(lambda handler: handler.reply(pack(body), content_encoding=name)) as (base, _):
        assert get(base).data == body


@pytest.mark.parametrize(
    ("encoding", "body"), [("br", b"x"), ("gzip", b"not gzip"), ("gzip", gzip.compress(b"x" * 99, mtime=0)[:-9])]
)
def test_bodies_that_cannot_be_unpacked_are_errors(encoding, body):
    """Unknown packing, damage, and an end before the end."""
    with (
        serving(lambda handler: handler.reply(body, content_encoding=encoding)) as (base, _),
        pytest.raises(FetchError, match=r"packed|broke off"),
    ):
        get(base)


@pytest.mark.parametrize("part", ["headers", "body", "silence"])
def test_a_server_that_drips_is_given_up(part):
    """One deadline for all: a byte now and then does not keep the connection alive."""

    def talk(connection, stop):
        if part == "body":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        while part != "silence" and not stop.is_set():
            connection.sendall(b"x" if part == "body" else b"H")
            time.sleep(0.05)
        stop.wait(10)

    with raw_server(talk) as url, pytest.raises(FetchError, match=r"took longer than 0\.5 s"):
        get(url, timeout=0.5)


def test_a_resolver_that_hangs_is_given_up():
    """The deadline holds for names too."""
    release = threading.Event()

    def resolve(_host, _port):
        release.wait(10)
        return []

    with pytest.raises(FetchError, match="took longer"):
        fetch("http://slow.example/", timeout=0.2, resolve=resolve)
    release.set()


def test_refused_connections_unknown_names_and_garbage_are_errors_of_one_line():
    """Each names the address and the reason, and none is a traceback."""
    with pytest.raises(FetchError, match="could not be fetched"):
        get(f"http://127.0.0.1:{free_port()}/")

    def unknown(_host, _port):
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(FetchError, match=r"nowhere\.example is not known to DNS; is it spelled right\?$"):
        fetch("http://nowhere.example/", resolve=unknown)

    def silent(_host, _port):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with pytest.raises(FetchError, match=r"nowhere\.example cannot be looked up now: DNS does not answer$"):
        fetch("http://nowhere.example/", resolve=silent)
    with (
        raw_server(lambda connection, _: connection.sendall(b"\0\1garbage\r\n\r\n")) as url,
        pytest.raises(FetchError, match="could not be fetched"),
    ):
        get(url)


def test_a_password_in_an_address_is_sent_to_its_host_only_and_shown_nowhere():
    """Basic authentication works, a redirect elsewhere does not carry it, and messages are without it."""
    with serving(lambda handler: handler.reply(status=404)) as (other, elsewhere):

        def answer(handler):
            handler.reply(status=302, location=f"{other}/x")

        with serving(answer) as (base, server):
            url = base.replace("http://", "http://user:hunter2@")
            with pytest.raises(FetchError) as caught:
                get(url)
            assert "hunter2" not in str(caught.value)
            assert server.seen[0][1]["authorization"].startswith("Basic ")
            assert "authorization" not in {name.lower() for name in elsewhere.seen[0][1]}


@pytest.mark.parametrize("query", ["api_key=hunter2", "id=3&access_token=hunter2", "auth=hunter2&x=1"])
def test_a_key_in_a_query_is_sent_and_shown_nowhere(query):
    """A feed's address may hold a key: the server gets it, messages and the address that is kept do not."""
    with serving(lambda handler: handler.reply(b"x", status=200 if "good" in handler.path else 404)) as (base, server):
        with pytest.raises(FetchError) as caught:
            get(f"{base}/feed?{query}")
        assert "hunter2" not in str(caught.value)
        assert "hunter2" not in get(f"{base}/good?{query}").url
        assert "hunter2" in server.seen[0][0]


def test_no_proxy_is_taken_from_the_environment(monkeypatch):
    """A proxy would look the name up where we cannot check it."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(lambda handler: handler.reply(b"x")) as (base, _):
        assert get(base).data == b"x"


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_dress(address):
    """Mapped, compatible, 6to4 and NAT64 forms are public at most where the address itself is."""
    number = int(address)
    public = is_public(str(address))
    assert is_public(f"::ffff:{address}") == public
    for dressed in (number, (0x2002 << 112) | (number << 80), (0x64FF9B << 96) | number):
        if not public:
            assert not is_public(str(ipaddress.IPv6Address(dressed)))


@pytest.mark.parametrize("status", [200, 404, 410, 503])
def test_asking_takes_any_status_as_an_answer(status):
    """`ask` says what an address answers, with the first bytes only, whatever kind of thing it is."""
    body = b"\x89PNG\r\n\x1a\n" + b"x" * 100_000
    with serving(lambda handler: handler.reply(body, status, content_type="image/png")) as (url, _):
        found = fetching.ask(url, max_bytes=16, allow_private=True)
    assert (found.status, found.content_type, found.data) == (status, "image/png", body[:16])


def test_asking_has_the_guards_of_fetching():
    """A private address is not asked either, and a redirect to one is not followed."""
    with serving(lambda handler: handler.reply()) as (url, server):
        with pytest.raises(FetchError):
            fetching.ask(url)
        assert not server.seen
