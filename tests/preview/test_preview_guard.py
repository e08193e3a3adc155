"""FAULTS 58: what another site, another machine, or a hostile client tries on the page."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from unittest.mock import Mock

import httpx
import pytest
from previewed import Shown, serving
from uvicorn.protocols.http.h11_impl import H11Protocol

from digest.listening import in_network
from digest.preview.endpoints import FRAME_POLICY
from digest.preview.server import address, bound

SECRET = "NOBODY-MAY-READ-THIS"
# Twelve ways to write "one folder up".
UP = [
    "../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%252f", "%252e%252e%252f", "..%c0%af", "..%5c", "..\\", "....//",
    "%2e%2e%5c", "/../",
]  # fmt: skip


@pytest.fixture(scope="module")
def shown(built_once, tmp_path_factory):
    """One served newsroom for all attacks: none of them may change it."""
    root = tmp_path_factory.mktemp("attacked") / "newsroom"
    shutil.copytree(built_once, root)
    made = Shown(root)
    with serving(made):
        yield made


def raw(shown, request: bytes, wait: float = 10) -> bytes:
    port = int(shown.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as line:
        line.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # a server may hang up on what it will not read
            while part := line.recv(65536):
                answer += part
    return answer


def request(shown, line: str, *headers: str, host: str | None = None) -> bytes:
    name = host if host is not None else shown.url.removeprefix("http://")
    return raw(shown, "\r\n".join([line, f"Host: {name}", "Connection: close", *headers, "", ""]).encode())


def status(answer: bytes) -> int:
    return int(answer.split()[1])


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "127.0.0.1:{port}.evil.example"]
)
def test_a_name_that_is_not_ours_is_refused(shown, host):
    """DNS rebinding gives another name to this machine: the Host header tells."""
    port = shown.url.rpartition(":")[2]
    assert status(request(shown, "GET /api/edition HTTP/1.1", host=host.format(port=port))) in (400, 403)


def test_two_hosts_are_refused(shown):
    """A request that names two hosts is none of a browser's."""
    own = shown.url.removeprefix("http://")
    assert status(request(shown, "GET / HTTP/1.1", f"Host: {own}")) in (400, 403)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_this_machine_is_let_in(shown, name):
    """Both names of the loopback interface lead to the page."""
    port = shown.url.rpartition(":")[2]
    assert status(request(shown, "GET / HTTP/1.1", host=f"{name}:{port}")) == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    "path", ["/api/edition", "/frame", "/export", "/api/readers", "/image/a.png", "/static/main.js"]
)
def test_another_site_reads_nothing(shown, path, site):
    """A browser says which site asks: only the page's own origin may read, whatever the method of embedding."""
    answer = httpx.get(shown.url + path, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}, timeout=30)
    assert answer.status_code == 403


def test_a_link_elsewhere_may_open_the_page(shown):
    """A colleague's link in a chat opens the page itself, but nobody may frame it."""
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert httpx.get(shown.url, headers={**headers, "Sec-Fetch-Dest": "document"}, timeout=30).status_code == 200
    assert httpx.get(shown.url, headers={**headers, "Sec-Fetch-Dest": "iframe"}, timeout=30).status_code == 403
    assert "frame-ancestors 'none'" in httpx.get(shown.url, timeout=30).headers["content-security-policy"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://{own}"},
        {"X-Digest-Token": "guess"},
        {"X-Digest-Token": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
@pytest.mark.parametrize("path", ["/api/overrides", "/api/approve", "/api/test"])
def test_a_write_from_elsewhere_changes_nothing(shown, path, wrong):
    """A write needs our origin, our token and JSON; without any one of them nothing is written."""
    own = shown.url.removeprefix("http://")
    body = {"period": "2022-02", "pin": ["2022-01-05-ilo-in-action-our-objective-is-to"], "skip": [], "order": []}
    answer = shown.post(path, body, **{name: value.format(own=own) for name, value in wrong.items()})
    assert answer.status_code in (403, 415)
    assert not (shown.root / "overrides").exists()
    assert not (shown.root / "approvals").exists()


def test_a_write_without_an_origin_changes_nothing(shown):
    """Every browser sends Origin with a POST; what does not is not our page."""
    answer = httpx.post(f"{shown.url}/api/overrides", json={}, headers={"X-Digest-Token": shown.token}, timeout=30)
    assert answer.status_code == 403


def test_get_changes_nothing(shown):
    """Whatever is read, no file of the newsroom is made or altered, but for digest's own cache."""

    def files():
        return {p: p.read_bytes() for p in shown.root.rglob("*") if p.is_file() and ".digest" not in p.parts}

    before = files()
    for path in (
        "/",
        "/api/edition",
        "/api/selection",
        "/api/calendar",
        "/api/readers",
        "/api/standing",
        "/frame",
        "/export",
    ):
        assert shown.get(path).status_code == 200, path
    for path in ("/api/overrides", "/api/approve", "/api/test"):
        assert shown.get(path).status_code == 405
    assert files() == before


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "PROPFIND"])
def test_other_methods_are_refused(shown, method):
    """TRACE would show headers back; nothing but GET, HEAD and POST is taken."""
    assert status(request(shown, f"{method} / HTTP/1.1")) in (400, 405)


@pytest.mark.parametrize("up", UP)
@pytest.mark.parametrize("root", ["/image/", "/static/", "/"])
def test_no_path_leads_out(shown, root, up):
    """However "one folder up" is spelled, nothing outside the newsroom is served, and of it only images."""
    (shown.root.parent / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\n" + SECRET.encode())
    for depth in (1, 2, 5):
        answer = request(shown, f"GET {root}{up * depth}secret.png HTTP/1.1")
        assert SECRET.encode() not in answer
        assert status(answer) in (400, 404)


def test_a_link_that_leads_out_is_not_followed(shown):
    """A symbolic link to a file or folder outside the newsroom is not there."""
    outside = shown.root.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + SECRET.encode())
    (shown.root / "link.png").symlink_to(outside / "a.png")
    (shown.root / "folder").symlink_to(outside)
    for name in ("link.png", "folder/a.png"):
        assert shown.get(f"/image/{name}").status_code == 404


@pytest.mark.parametrize(
    "name",
    [".env", ".git/config", ".digest/ledger.db", ".digest/hidden.png", "config.yaml", "recipients/everyone.csv",
     "stories/2022-02-10-strengthening-digital-tvet-in-ukraine.md", "evil.svg", "page.png"],
)  # fmt: skip
def test_only_images_are_served(shown, name):
    """Secrets, the ledger, lists and stories are no images; neither is a page or an SVG that calls itself one."""
    path = shown.root / name
    path.parent.mkdir(exist_ok=True, parents=True)
    if not path.exists():
        hidden = b"\x89PNG\r\n\x1a\n" if name == ".digest/hidden.png" else b""
        path.write_bytes(hidden + f"<svg>{SECRET}</svg>".encode())
    answer = shown.get(f"/image/{name}")
    assert answer.status_code == 404
    assert SECRET not in answer.text


def test_an_image_of_the_newsroom_is_served_as_what_it_is(shown):
    """An image inside the newsroom is shown, with its type by its bytes and never sniffed."""
    (shown.root / "images").mkdir()
    (shown.root / "images" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n0000")
    answer = shown.get("/image/images/a.png")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_huge_header_is_refused(shown):
    """A request of endless headers ends with an error and not with memory."""
    answer = request(shown, "GET / HTTP/1.1", *[f"X-{n}: {'a' * 4000}" for n in range(100)])
    assert not answer or status(answer) in (400, 431)
    assert shown.get("/").status_code == 200


def test_a_huge_body_is_refused(shown):
    """What no page of ours would send is not read."""
    assert shown.post("/api/overrides", {"pin": ["x" * 300_000]}).status_code == 413


@pytest.mark.parametrize(
    "body", [b"[1]", b"{", b"\xff", b"[" * 50_000, b'{"pin": 3}', b'{"pin": [{}], "skip": [], "order": []}']
)
def test_a_body_that_is_not_ours_is_an_answer_and_no_trace(shown, body):
    """Broken JSON and wrong shapes are refused in a sentence."""
    headers = {"Origin": shown.url, "X-Digest-Token": shown.token, "Content-Type": "application/json"}
    answer = httpx.post(f"{shown.url}/api/overrides", content=body, headers=headers, timeout=30)
    assert answer.status_code == 409
    assert "Traceback" not in answer.text


def test_slow_clients_do_not_hold_the_page_up(shown):
    """Twenty clients that never finish their request leave the page as quick as it was."""
    port = int(shown.url.rpartition(":")[2])
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    try:
        for line in lines:
            line.sendall(b"GET /api/edition HTTP/1.1\r\nHost: ")
        assert shown.get("/api/edition").status_code == 200
    finally:
        for line in lines:
            line.close()


@pytest.mark.parametrize(
    ("path", "code"),
    [("/nothing", 404), ("/frame?scheme=sepia", 409), ("/api/edition?period=2022-13", 409), ("/api/part?part=x", 409),
     ("/api/edition?audience=" + "x" * 2000, 409), ("/api/difference?at=../..", 409), ("/frame?who=case:none", 409)],
)  # fmt: skip
def test_a_mistake_is_a_sentence(shown, path, code):
    """What cannot be shown is said in a line: never a stack trace, never a path of this program."""
    answer = httpx.get(shown.url + path, timeout=30)
    assert answer.status_code == code
    if path.startswith("/frame"):  # in the place of the mail, to be read there
        assert re.search("<h1>This mail cannot be shown</h1><p>[^<\n]+</p>", answer.text)
        assert answer.headers["content-security-policy"] == FRAME_POLICY
    else:
        assert len(answer.json()["errors"]) == 1
    assert "Traceback" not in answer.text
    assert "site-packages" not in answer.text


def test_every_answer_is_wrapped_up(shown):
    """Each answer says what may run, that it is not to be kept, and tells no other site where it was."""
    for path in ("/", "/frame", "/api/edition", "/nothing", "/static/main.js"):
        headers = shown.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_the_frame_may_run_nothing(shown):
    """The mail's own policy allows no script, and its sandbox does not either."""
    policy = shown.get("/frame").headers["content-security-policy"]
    assert "script-src" not in policy
    assert "sandbox allow-same-origin allow-popups" in policy
    assert "allow-scripts" not in policy


def test_other_machines_need_the_key(folder):
    """Served to others, everything asks for the key; a browser that showed it once keeps it in a cookie."""
    with serving(folder, host="0.0.0.0", keys={"the-key": ""}):
        locked = folder.get("/")
        assert (locked.status_code, locked.text[:16]) == (401, "open the address")
        assert folder.get("/api/edition").status_code == 401
        assert folder.get("/", key="wrong").status_code == 401
        with httpx.Client(base_url=folder.url, timeout=30) as browser:
            entered = browser.get("/", params={"period": "2022-02", "key": "the-key"})
            assert (entered.status_code, entered.headers["location"]) == (303, "/?period=2022-02")
            cookie = entered.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=lax" in cookie
            assert browser.get("/api/edition").status_code == 200
        port = folder.url.rpartition(":")[2]
        answer = request(folder, "GET /?key=the-key HTTP/1.1", host=f"rebound.example:{port}")
        assert (status(answer), b"digest preview --host NAME" in answer) == (403, True)


def test_each_person_has_a_key_of_their_own(monkeypatch):
    """Away from this machine nobody gets in without a key, and no two people have one; at home there is none."""
    with bound("127.0.0.1", 0, ("Ada", "Grace")) as (_, access):
        assert access.keys == {}
    monkeypatch.setattr("digest.preview.server.is_loopback", lambda _: False)
    with bound("127.0.0.1", 0, ("Ada", "Grace")) as (_, access):
        assert sorted(access.keys.values()) == ["Ada", "Grace"]
        opened = {address(access, {}, key) for key in access.keys}
        assert len(opened) == 2
    with bound("127.0.0.1", 0) as (_, access):
        assert [*access.keys.values()] == [""]
        assert len(next(iter(access.keys))) >= 32


def test_the_address_for_other_machines_has_the_key(folder):
    """What the verb prints can be opened as it is."""
    with serving(folder, host="192.0.2.7", keys={"the-key": ""}) as access:
        assert (
            address(access, {"period": "2022-02"}, "the-key")
            == f"http://192.0.2.7:{access.port}/?period=2022-02&key=the-key"
        )


def test_the_printed_address_is_one_that_others_can_open(monkeypatch):
    """Served at every address of this machine, the one in its network is printed; 0.0.0.0 is nobody's."""
    for host in ("0.0.0.0", "::"):
        with bound(host, 0) as (_, access):
            assert (access.host, "[::]" in address(access, {}) or "0.0.0.0" in address(access, {})) == (host, False)
            monkeypatch.setattr(socket.socket, "connect", Mock(side_effect=OSError))
            assert in_network(host) == host  # there is no network
            monkeypatch.undo()


@pytest.mark.browser
def test_a_key_opens_the_page_from_a_link_elsewhere(browser, folder):
    """A colleague who clicks on their address in a chat or a webmail is let in, as who types it is."""
    with serving(folder, host="0.0.0.0", keys={"the-key": ""}), browser.new_context() as context:
        page = context.new_page()
        context.route("http://chat.example/", lambda route: route.fulfill(
            content_type="text/html", body=f'<a href="{folder.url}/?key=the-key">here</a>'))  # fmt: skip
        page.goto("http://chat.example/")
        page.get_by_role("link", name="here").click()
        page.wait_for_selector("html[data-live=yes]")
        assert "the-key" not in page.url


def test_two_pages_of_one_host_keep_their_keys(folder):
    """A browser gives a cookie to every port of its host: the key of one newsroom does not put out the other's."""
    with httpx.Client(timeout=30) as browser, serving(folder, host="0.0.0.0", keys={"one": ""}):
        first = folder.url
        browser.get(first, params={"key": "one"})
        with serving(folder, host="0.0.0.0", keys={"other": ""}):
            browser.get(folder.url, params={"key": "other"})
            assert browser.get(f"{first}/api/edition").status_code == 200
            assert browser.get(f"{folder.url}/api/edition").status_code == 200


def test_ctrl_c_ends_it_quietly(folder):
    """The verb prints where the page is; Ctrl-C ends it with exit 0 and not a word, even while a page listens.

    What speaks no HTTP to it is answered, and no line of the terminal.
    """
    code = "from digest.cli import main; main()"
    command = [sys.executable, "-c", code, "preview", "--no-open", "--port", "0"]
    with subprocess.Popen(
        command, cwd=folder.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            line = program.stdout.readline()
            url = re.match(r"(http://127\.0\.0\.1:\d+)/\?period=2022-02 ", line)[1]
            with httpx.stream("GET", f"{url}/api/events", timeout=20) as stream:
                assert "hello" in next(stream.iter_text())
                time.sleep(0.2)
                with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as stranger:
                    stranger.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")  # as a browser does that asks for https
                    assert b"400" in stranger.recv(4096)
                program.send_signal(2)
                assert program.wait(20) == 0
            assert program.stderr.read() == ""
        finally:
            program.kill()


def test_a_port_that_is_taken_is_said(folder):
    """When something else listens there, the verb says so and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        command = [sys.executable, "-c", "from digest.cli import main; main()", "preview", "--no-open", "--port", port]
        done = subprocess.run(command, cwd=folder.root, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert (
        done.stderr
        == f"digest: 127.0.0.1:{port} cannot be listened on (Address already in use); --port 0 takes a free port\n"
    )


def test_a_browser_that_runs_in_the_terminal_holds_up_nothing(built_once, tmp_path):
    """FAULTS 79: the page is served at once, whatever $BROWSER does meanwhile, and SIGTERM ends it."""
    root = tmp_path / "newsroom"
    shutil.copytree(built_once, root)
    asked = tmp_path / "asked"
    (tmp_path / "browser").write_text(
        f"#!/bin/sh\necho $$ >'{asked}.new'\nmv '{asked}.new' '{asked}'\nexec sleep 1000\n"
    )
    (tmp_path / "browser").chmod(0o755)
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from digest.cli import main; main()",
            "preview",
            "-c",
            str(root / "config.yaml"),
            "--port",
            "0",
        ],
        env={**os.environ, "BROWSER": f"{tmp_path}/browser %s"},
        stdout=subprocess.PIPE,
        text=True,
    ) as page:
        url = page.stdout.readline().split()[0]
        while not asked.exists():
            assert page.poll() is None
            time.sleep(0.05)
        try:
            assert httpx.get(url, timeout=60).status_code == 200
            page.terminate()
            assert page.wait(60) is not None
        finally:
            os.kill(int(asked.read_text()), 15)


def test_a_page_that_ends_leaves_no_connection_behind(folder, monkeypatch):
    """A connection that came while the server was closing, and was not told of it, is cut off when its time is over."""
    monkeypatch.setattr(H11Protocol, "shutdown", lambda _: None)
    with serving(folder):
        stranger = socket.create_connection(("127.0.0.1", int(folder.url.rpartition(":")[2])), timeout=20)
        assert folder.get("/").status_code == 200  # it was accepted before this
    with stranger, contextlib.suppress(ConnectionResetError):
        assert stranger.recv(1) == b""
    gc.collect()  # else a warning that it was never closed would be some later test's
