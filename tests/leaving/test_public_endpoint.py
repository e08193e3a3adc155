"""The public endpoint on a real server: scanners change nothing, one click leaves, and a wrong token learns nothing."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from zoneinfo import ZoneInfo

import httpx
import pytest
import uvicorn

from digest.composer.options import ThemeOptions
from digest.composer.page_theme import load_page_theme
from digest.errors import LedgerBusy, UsageError
from digest.listening import listen
from digest.model import Audience, NewsroomProfile
from digest.recipients import tokens
from digest.testing import MemoryLedger
from digest.web.app import app, serve

THEME = load_page_theme([], ThemeOptions())
SECRET = "0123456789abcdef0123456789abcdef"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
NEWSROOM = NewsroomProfile(
    name="Newsroom <&> Co",
    contact="newsroom@example.org",
    sender="digest@example.org",
    timezone=ZoneInfo("Europe/Zurich"),
    url="https://www.example.org/newsroom",
)
AUDIENCES = {"everyone": Audience(name="everyone", title="All “content” <b>", was=("all",))}


@contextmanager
def serving(application):
    config = uvicorn.Config(application, access_log=False, server_header=False, log_level="critical", http="h11",
                            h11_max_incomplete_event_size=16_384, timeout_keep_alive=5)  # fmt: skip
    server = uvicorn.Server(config)
    # Named as TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


@pytest.fixture
def suppressions():
    return MemoryLedger()


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    (folder / "2022-02" / "everyone").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>All editions</h1>")
    (folder / "feed.atom").write_text("<feed xmlns='http://www.w3.org/2005/Atom'/>")
    (folder / "feed.json").write_text("{}")
    (folder / "sitemap.xml").write_text("<urlset/>")
    (folder / "search.js").write_text("1")
    (folder / "gone.txt").write_text("2021-12/everyone/en/\n2021-11/everyone/en/\n")
    (folder / "gone.conf").write_text("location = / { return 410; }")
    (folder / ".digest-archive").write_text("ours")
    (folder / "2021-12" / "everyone" / "en").mkdir(parents=True)
    (folder / "2021-12" / "everyone" / "en" / "index.html").write_text("<h1>Withdrawn</h1>")
    (folder / "2022-02" / "everyone" / "index.html").write_text("<h1>February</h1>")
    (folder / "2022-02" / "everyone" / "manifest.json").write_text("{}")
    (folder / "2022-02" / "everyone" / ".env").write_text("SECRET=1")
    (folder / ".git").mkdir()
    (folder / ".git" / "index.html").write_text("hidden")
    (tmp_path / "ledger.html").write_text("outside")
    (folder / "out.html").symlink_to(tmp_path / "ledger.html")
    (folder / "up").symlink_to(tmp_path)
    (folder / "in.html").symlink_to(folder / "index.html")
    return folder


@pytest.fixture
def client(suppressions, archive):
    made = app(secrets=[SECRET], suppressions=suppressions, newsroom=NEWSROOM, audiences=AUDIENCES, theme=THEME,
               archive=archive, below="/news", clock=lambda: 1_650_000_000.0)  # fmt: skip
    with serving(made) as base, httpx.Client(base_url=base, timeout=30) as client:
        yield client


def left(suppressions):
    return {(row.address, row.scope): row for row in suppressions.suppressions()}


def link(audience="everyone", address="ann@example.org"):
    return f"/u/{tokens.token([SECRET], audience, address)}"


def test_get_and_head_show_a_page_and_change_nothing(client, suppressions):
    """FAULTS 60: scanners follow every link of a mail, some many times; nobody is unsubscribed by that."""
    for _ in range(3):
        assert client.get(link()).status_code == 200
        assert client.head(link()).status_code == 200
        assert client.get(link(), params=ONE_CLICK).status_code == 200
    assert not left(suppressions)


def test_one_click_leaves_without_cookie_or_redirect(client, suppressions):
    """RFC 8058: a POST with `List-Unsubscribe=One-Click` is all it takes, and 200 is the whole answer."""
    answer = client.post(link(), data=ONE_CLICK)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    row = left(suppressions)["ann@example.org", "everyone"]
    assert (row.reason, row.since) == ("unsubscribed", 1_650_000_000.0)
    assert len(left(suppressions)) == 1


def test_one_click_may_come_as_multipart(client, suppressions):
    """RFC 8058, 3.1 prefers multipart/form-data."""
    assert client.post(link(), files={"List-Unsubscribe": (None, "One-Click")}).status_code == 200
    assert ("ann@example.org", "everyone") in left(suppressions)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click\r\n"),
        ("application/x-www-form-urlencoded; charset=UTF-8", b"List-Unsubscribe=One-Click&list=digest&id=7"),
        ("application/x-www-form-urlencoded", b"list-unsubscribe=one-click"),
        ("text/plain", b"List-Unsubscribe=One-Click\n"),
        ("", b"List-Unsubscribe=One-Click"),
        ("", b""),
        ("application/x-www-form-urlencoded", b"\r\n"),
        pytest.param(
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n\r\n--b\r\n'
            b'Content-Disposition: form-data; name="id"\r\n\r\n7\r\n--b--\r\n',
        ),
    ],
)
@pytest.mark.parametrize("path", ["{}", "{}/", "{}%0D%0A", "{}%20", "{}%3E.%E2%80%8B", "/news{}", "/news{}/", "/{}"])
def test_one_click_is_understood_as_mail_providers_send_it(client, suppressions, kind, body, path):
    """Signs after words or link, more fields, no body, a slash, a public path, one slash more: all leave."""
    address = str(client.base_url).rstrip("/") + path.format(link())
    answer = client.post(address, content=body, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert ("ann@example.org", "everyone") in left(suppressions)


def test_a_replay_changes_nothing_more(client, suppressions):
    """Idempotent: the same request again is answered the same, and the first reason is kept."""
    first = client.post(link(), data=ONE_CLICK)
    second = client.post(link(), data=ONE_CLICK)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert len(left(suppressions)) == 1


def test_the_pages_buttons_leave_one_audience_or_all(client, suppressions):
    """The page offers this audience, and every mail of the newsroom."""
    assert "gets no more mails of" in client.post(link(), data={"leave": "this"}).text
    assert set(left(suppressions)) == {("ann@example.org", "everyone")}
    client.post(link(), data={"leave": "all"})
    assert ("ann@example.org", "*") in left(suppressions)


def test_the_link_of_a_renamed_audience_leaves_what_it_became(client, suppressions):
    """A link from before the rename takes its reader off the audience under its new name, and the page says so."""
    assert "All “content” &lt;b&gt;" in client.get(link("all")).text
    assert client.post(link("all"), data=ONE_CLICK).status_code == 200
    assert set(left(suppressions)) == {("ann@example.org", "everyone")}


@pytest.mark.parametrize("form", [ONE_CLICK, {"leave": "this"}, {"leave": "all"}])
def test_the_link_of_a_vanished_audience_leaves_everything(client, suppressions, form):
    """Who leaves a list that is no more is mailed nothing; the page offers, and says, just that."""
    page = client.get(link("gone")).text
    assert 'value="all"' in page
    assert 'value="this"' not in page
    assert "gets no more mails of <bdi>Newsroom" in client.post(link("gone"), data=form).text
    assert set(left(suppressions)) == {("ann@example.org", "*")}
    assert "gets no more mails of <bdi>Newsroom" in client.get(link("gone")).text


@pytest.mark.parametrize("body", [b"leave=maybe", b"List-Unsubscribe=no", b"\xff\xfe", b"a=1&" * 500])
def test_a_post_that_says_nothing_asks_instead(client, suppressions, body):
    """A POST without RFC 8058's words or a button is no wish to leave: the page asks again."""
    answer = client.post(link(), content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400
    assert "press the button" in answer.text
    assert not left(suppressions)


def test_who_has_left_is_told_so(client):
    """The page of a reader who has left says so, and how to come back, instead of asking again."""
    client.post(link(), data=ONE_CLICK)
    page = client.get(link()).text
    assert "is not subscribed" in page
    assert "newsroom@example.org" in page
    assert "<button" not in page


def test_a_wrong_token_is_any_address_that_does_not_exist(client, suppressions):
    """FAULTS 60: no oracle: a forged, cut, foreign or mad token gets byte by byte what any wrong address gets."""
    right = link()
    foreign = tokens.token(["f" * 32], "everyone", "ann@example.org")
    wrong = [
        right[:-1],
        right + "A",
        f"/u/{foreign}",
        "/u/x",
        f"/u/{'A' * 900}",
        f"/u/{'A' * 5000}",
        "/u/%00",
        "/nothing",
    ]
    nowhere = client.get("/u")
    for path in wrong:
        for answer in (client.get(path), client.post(path, data=ONE_CLICK)):
            assert (answer.status_code, answer.content) == (404, nowhere.content)
            assert set(answer.headers) == set(nowhere.headers)
    assert not left(suppressions)


def test_a_thousand_wrong_tokens_are_answered(client):
    """They cost a hash each, and the server goes on as before."""
    assert {client.get(f"/u/{number:0128x}").status_code for number in range(1_000)} == {404}
    assert client.get(link()).status_code == 200


def test_no_page_shows_the_address(client):
    """The reader knows it again, somebody who reads along does not learn it."""
    for answer in (client.get(link()), client.post(link(), data=ONE_CLICK), client.get(link())):
        assert "ann@" not in answer.text
        assert "a…@example.org" in answer.text.replace("\u2060", "")


def test_names_are_escaped(client):
    """A newsroom's or an audience's name is text, never markup."""
    page = client.get(link()).text
    assert "Newsroom &lt;&amp;&gt; Co" in page
    assert "All “content” &lt;b&gt;" in page


@pytest.mark.parametrize(
    ("accepts", "language", "says"),
    [
        ("fr-CH, en;q=0.5", "fr", "Se désabonner"),
        ("nl, es;q=0.8, en;q=0.1", "es", "Darse de baja"),
        ("ar", "ar", 'dir="rtl"'),
        ("en;q=0.1, fr;q=0.9", "fr", "Se désabonner"),
        ("xx, *;q=0.1", "en", "Unsubscribe"),
        ("", "en", "Unsubscribe"),
        (";;q=x,,fr;q=no, es;q=0", "en", "Unsubscribe"),
    ],
)
def test_the_page_speaks_the_readers_language(client, accepts, language, says):
    """Accept-Language by its weights; what is none of ours is passed over."""
    answer = client.get(link(), headers={"Accept-Language": accepts})
    assert f'<html lang="{language}"' in answer.text
    assert says in answer.text
    assert answer.headers["content-language"] == language


def test_the_audiences_language_speaks_when_the_reader_names_none(suppressions):
    """An audience in Arabic gets its page in Arabic."""
    audiences = {"ar": Audience(name="ar", title="x", languages=("ar",))}
    made = app(secrets=[SECRET], suppressions=suppressions, newsroom=NEWSROOM, audiences=audiences, theme=THEME)
    with serving(made) as base:
        assert 'lang="ar" dir="rtl"' in httpx.get(base + link("ar"), timeout=30).text


def test_a_newsrooms_words_and_colours_are_the_pages(suppressions, tmp_path):
    """Its catalogue speaks over ours; a word that it lacks is English, and marked as such; its brand is the band."""
    folder = tmp_path / "locale"
    folder.mkdir()
    (folder / "it.yaml").write_text("page_leave_title: Annulla l'iscrizione\npage_leave_this: Via da {audience}\n")
    (folder / "fr.yaml").write_text("page_leave_title: Partir\n")
    theme = load_page_theme([tmp_path], ThemeOptions(brand="#7a0019", logo="https://img.example/l,o.png?v=2"))
    audiences = {"everyone": Audience(name="everyone", title="Tutto {contact}")}
    made = app(secrets=[SECRET], suppressions=suppressions, newsroom=NEWSROOM, audiences=audiences, theme=theme)
    with serving(made) as base:
        french = httpx.get(base + link(), headers={"Accept-Language": "fr"}, timeout=30).text
        italian = httpx.get(base + link(), headers={"Accept-Language": "it-CH"}, timeout=30)
    assert "<h1>Partir</h1>" in french
    assert "Se désabonner de «" in french
    assert '<html lang="it"' in italian.text
    assert "<h1>Annulla l&#x27;iscrizione</h1>" in italian.text
    assert 'value="this">Via da <bdi>Tutto {contact}</bdi></button>' in italian.text
    assert '<span lang="en" dir="ltr">Unsubscribe from all mails' in italian.text
    assert "--band:#7a0019;" in italian.text
    assert '<img src="https://img.example/l,o.png?v=2" alt="Newsroom &lt;&amp;&gt; Co" width="160">' in italian.text
    assert " img-src https://img.example/l%2Co.png; " in italian.headers["content-security-policy"]


def test_every_answer_has_the_safe_headers(client):
    """Nothing may be framed, sniffed, stored or referred to; nothing but the page's own style may load."""
    answers = [
        client.get(link()),
        client.post(link(), data=ONE_CLICK),
        client.get("/u/x"),
        client.get("/healthz"),
        client.request("TRACE", link()),
        client.put(link()),
        client.post(link(), content=b"x" * 10_000),
    ]
    for answer in answers:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECTION"])
def test_other_methods_are_refused(client, suppressions, method):
    """405, with the methods that there are."""
    answer = client.request(method, link())
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert not left(suppressions)


def test_a_large_body_or_header_is_refused(client, suppressions):
    """Limits: eight kilobytes of form, also when no length is announced; some of headers."""

    def stream():
        for _ in range(50):
            yield b"x" * 1_000

    assert client.post(link(), content=b"x" * 9_000).status_code == 413
    assert client.post(link(), content=stream()).status_code == 413
    assert client.get(link(), headers={"X": "y" * 300_000}).status_code in (400, 431)
    assert client.get("/healthz").status_code == 200
    assert not left(suppressions)


def test_a_body_that_never_comes_is_given_up(client, monkeypatch, suppressions):
    """A client that announces a form and falls silent does not keep us."""
    monkeypatch.setattr("digest.web.form.PATIENCE", 0.2)
    with socket.create_connection((client.base_url.host, client.base_url.port)) as slow:
        slow.sendall(f"POST {link()} HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nList".encode())
        slow.settimeout(20)
        assert b"408" in slow.recv(200)
    assert not left(suppressions)


def test_a_body_that_ends_too_early_is_nobodys_bug(client, caplog, suppressions):
    """A client that goes away in the middle leaves no traceback in the log."""
    with socket.create_connection((client.base_url.host, client.base_url.port)) as gone:
        gone.sendall(f"POST {link()} HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nList".encode())
    assert client.get("/healthz").status_code == 200
    time.sleep(0.2)
    assert not left(suppressions)
    assert "ClientDisconnect" not in caplog.text


@pytest.fixture
def served(suppressions, monkeypatch):
    """The endpoint as `digest serve` has it."""
    made = app(secrets=[SECRET], suppressions=suppressions, newsroom=NEWSROOM, audiences=AUDIENCES, theme=THEME)
    servers = []
    monkeypatch.setattr("uvicorn.Server", lambda config, of=uvicorn.Server: servers.append(of(config)) or servers[0])
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=serve, args=(made, listener))
        thread.start()
        while not (servers and servers[0].started):
            time.sleep(0.01)
        yield listener.getsockname()[:2]
        servers[0].should_exit = True
        thread.join(20)


def test_a_thousand_readers_who_leave_at_once_are_all_heard(served, suppressions):
    """A mail provider may ask for a whole list in a second."""
    addresses = [f"reader{number}@example.org" for number in range(1_000)]
    with ExitStack() as opened:
        connections = []
        for address in addresses:  # each asks as soon as it is there: who is silent is hung up on
            each = opened.enter_context(socket.create_connection(served, timeout=60))
            each.sendall(f"POST {link('everyone', address)} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
            connections.append(each)
        assert {each.recv(15) for each in connections} == {b"HTTP/1.1 200 OK"}
    assert {address for address, _scope in left(suppressions)} == set(addresses)


def test_a_connection_that_says_nothing_is_closed(served, monkeypatch):
    """Or begins and never ends its first line: else a few of them would keep everybody out."""
    monkeypatch.setattr("digest.web.app.SILENCE", 0.5)
    for begun in (b"", b"GET /healthz HTT"):
        with socket.create_connection(served, timeout=20) as silent:
            silent.sendall(begun)
            assert silent.recv(100) == b""


def test_trouble_with_the_database_is_never_called_done(suppressions):
    """When it could not be stored, the reader and the mail program are told to try again; no trace is shown."""

    def away(*_):
        message = "the ledger is busy at postgresql://u:***@h"
        raise LedgerBusy(message)

    suppressions.suppress = away
    made = app(secrets=[SECRET], suppressions=suppressions, newsroom=NEWSROOM, audiences=AUDIENCES, theme=THEME)
    with serving(made) as base:
        answer = httpx.post(base + link(), data=ONE_CLICK, timeout=30)
        assert answer.status_code == 503
        assert "Nothing was changed" in answer.text
        assert "ledger" not in answer.text
        suppressions.suppress = lambda *_: 1 / 0
        answer = httpx.post(base + link(), data=ONE_CLICK, timeout=30)
        assert answer.status_code == 500
        assert "Nothing was changed" in answer.text
        assert "ZeroDivision" not in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_short_secret_stops_the_server_from_starting(suppressions):
    """Better no page than one whose links anybody can make."""
    with pytest.raises(UsageError):
        app(secrets=["short"], suppressions=suppressions, newsroom=NEWSROOM, audiences=AUDIENCES, theme=THEME)


def test_the_archive_is_served(client):
    """Built pages, folders by their index.html with relative links that work, and files behind links inside."""
    assert client.get("/archive/").text == "<h1>All editions</h1>"
    assert client.get("/archive/2022-02/everyone/").text == "<h1>February</h1>"
    assert client.get("/archive/in.html").status_code == 200
    moved = client.get("/archive/2022-02/everyone", headers={"Host": "evil.example"})
    assert (moved.status_code, moved.headers["location"]) == (308, "./everyone/")
    assert client.get("/archive").headers["location"] == "./archive/"
    assert client.get("/news/archive").headers["location"] == "./archive/"
    assert client.get("/news/archive/2022-02/everyone/index.html").text == "<h1>February</h1>"
    assert "sandbox" in client.get("/archive/").headers["content-security-policy"]
    assert client.head("/archive/").status_code == 200
    assert client.get("/archive/feed.json").headers["access-control-allow-origin"] == "*"  # a home page may read it
    assert "access-control-allow-origin" not in client.get(link()).headers


@pytest.mark.parametrize(
    "path",
    [
        "../ledger.html",
        "..%2fledger.html",
        "%2e%2e/ledger.html",
        "%2e%2e%2fledger.html",
        "%252e%252e%252fledger.html",
        "..%5cledger.html",
        "2022-02/../../ledger.html",
        "//etc/passwd",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "file:///etc/passwd",
        "index.html%00.png",
        "out.html",
        "up/ledger.html",
        ".git/index.html",
        "2022-02/everyone/.env",
        "2022-02/everyone/manifest.json",
        ".digest-archive",
        "gone.txt",
        "gone.conf",
        "2022-02/",
        "%c0%ae%c0%ae/ledger.html",
        "x" * 300,
        "index.html/",
        "/2022-02/everyone",
        "2022-02//everyone/",
    ],
)
def test_the_archive_gives_nothing_else_away(client, path):
    """Traversal in all its spellings, links out, hidden files, other kinds of files: 404."""
    with socket.create_connection((client.base_url.host, client.base_url.port)) as raw:  # httpx would tidy the path
        raw.sendall(f"GET /archive/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"outside" not in answer


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("", "text/html; charset=utf-8"),
        ("feed.atom", "application/atom+xml; charset=utf-8"),
        ("feed.json", "application/feed+json"),
        ("sitemap.xml", "application/xml; charset=utf-8"),
        ("search.js", "text/javascript; charset=utf-8"),
    ],
)
def test_a_cache_asks_for_what_it_has_and_gets_304(client, archive, path, media_type):
    """RFC 9110, 13: by tag, strong, weakened or any, else by date; what changed comes whole, under another tag."""
    path = f"/archive/{path}"
    first = client.get(path)
    tag, modified = first.headers["etag"], first.headers["last-modified"]
    assert (first.status_code, first.headers["content-type"]) == (200, media_type)
    assert tag.startswith('"')
    assert first.headers["cache-control"] == "public, max-age=300"
    assert {**client.head(path).headers, "date": ""} == {**first.headers, "date": ""}
    old, new = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    for asked, status in (
        ({"If-None-Match": tag}, 304),
        ({"If-None-Match": f'"x", W/{tag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"', "If-Modified-Since": new}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Modified-Since": new}, 304),
        ({"If-Modified-Since": old}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00"}, 200),
        ({"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 +99999999999999"}, 200),
        ({"If-Modified-Since": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, 200),
    ):
        for ask in (client.get, client.head):
            answer = ask(path, headers=asked)
            assert answer.status_code == status, asked
            assert (answer.headers["etag"], answer.headers["last-modified"]) == (tag, modified)
            assert answer.headers["cache-control"] == "public, max-age=300"
            assert answer.content == (first.content if status == 200 and ask == client.get else b"")
    file = archive / path.removeprefix("/archive/") / ("index.html" if path.endswith("/") else "")
    status = file.stat()
    file.write_text("something else")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    answer = client.get(path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.text) == (200, "something else")
    assert answer.headers["etag"] != tag


def test_a_withdrawn_edition_is_gone(client, archive):
    """410 with the page that says so, however it is asked for; one without a page is nowhere; the others are there."""
    for path in ("2021-12/everyone/en/", "2021-12/everyone/en/index.html"):
        for asked in ({}, {"If-None-Match": "*"}):
            answer = client.get(f"/archive/{path}", headers=asked)
            assert (answer.status_code, answer.text) == (410, "<h1>Withdrawn</h1>")
    assert client.get("/archive/2021-12/everyone/en").status_code == 308
    assert client.get("/archive/2021-11/everyone/en/").status_code == 404
    (archive / "gone.txt").unlink()
    assert client.get("/archive/2021-12/everyone/en/").status_code == 200


def test_what_is_not_in_the_archive_is_answered_by_a_page(client):
    """404 in the newsroom's words and colours, kept by no cache; and before there is an archive, too."""
    answer = client.get("/archive/2019-01/everyone/en/", headers={"Accept-Language": "de"})
    assert answer.status_code == 404
    assert "Hier ist nichts" in answer.text
    assert "--band:#1e2dbe" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    answer = client.post("/archive/")
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})


@pytest.mark.parametrize(
    ("archive_path", "below", "paths"),
    [
        ("/issues", "", ["/issues/", "/archive/", "/issues/index.html"]),
        ("/news/issues/", "/news", ["/news/issues/", "/issues/", "/archive/", "/news/archive/"]),
        ("", "/news", ["/", "/archive/", "/index.html", "/news/"]),
        ("/issues/", "/news/", ["/issues/", "/news/archive/"]),
    ],
)
def test_the_archive_stands_where_its_address_says(suppressions, archive, archive_path, below, paths):
    """Below the path of archive.url, and below /archive for a proxy that maps it; leaving works beside it."""
    made = app(secrets=[SECRET], suppressions=suppressions, newsroom=NEWSROOM, audiences=AUDIENCES, theme=THEME,
               archive=archive, archive_path=archive_path, below=below)  # fmt: skip
    with serving(made) as base:
        for path in paths:
            assert httpx.get(base + path, timeout=30).text == "<h1>All editions</h1>", path
        assert "Unsubscribe" in httpx.get(base + link(), timeout=30).text
        assert httpx.get(base + "/healthz", timeout=30).text == "ok\n"


def test_an_unsubscribe_during_a_send_holds_from_then_on(client, suppressions):
    """FAULTS 51: a sender that asks at the last moment, as it must, mails nobody whose unsubscribe was answered."""
    readers = [f"r{number}@example.org" for number in range(60)]
    answered, mailed, wrong = set(), [], []
    begun = threading.Event()

    def leave():
        with httpx.Client(base_url=client.base_url, timeout=30) as other:
            for reader in readers[::2]:
                other.post(link(address=reader), data=ONE_CLICK)
                answered.add(reader)
                begun.set()

    leaver = threading.Thread(target=leave)
    leaver.start()
    begun.wait(20)
    for reader in reversed(readers):
        told = reader in answered
        if not suppressions.suppressed([reader], "everyone"):
            mailed.append(reader)
            if told:
                wrong.append(reader)
        time.sleep(0.002)
    leaver.join()
    assert not wrong
    assert set(readers[1::2]) <= set(mailed)
