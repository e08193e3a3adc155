"""The public pages below `/news/` of a real nginx, set up as the documentation says, asked by curl."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import uvicorn

from digest.composer.options import ThemeOptions
from digest.composer.page_theme import load_page_theme
from digest.model import Audience, NewsroomProfile
from digest.recipients import tokens
from digest.testing import MemoryLedger
from digest.web.app import app
from freeport import free_port
from needed import needs

PAGE = Path(__file__).parents[2] / "docs" / "public-pages.md"
SETUPS = dict(
    zip(("proxied", "static"), re.findall(r"```nginx\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL), strict=True)
)
SECRET = "0123456789abcdef0123456789abcdef"
EDITION = "2022-02/everyone/en/"
WITHDRAWN = "2021-12/everyone/en/"
NGINX = """
daemon off; worker_processes 1; pid {root}/nginx.pid; error_log {root}/error.log; {user}
events {{ }}
http {{
    include {types};
    access_log off;
    {temporary}
    server {{ listen 127.0.0.1:{port}; {setup} }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A newsroom's public address, the folder behind it, and who has left."""

    url: str
    public: Path
    ledger: MemoryLedger

    def curl(self, path, *options):
        """Ask for a path as it stands. Returns status, headers and body."""
        program = needs(shutil.which("curl"), "curl (apt-get install curl)")
        command = [program, "-sS", "-i", "--max-time", "30", "--path-as-is", *options, self.url + path]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        head, _, body = answer.partition("\n\n")
        first, *lines = head.splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers, body


@pytest.fixture(params=SETUPS)
def site(request, tmp_path):
    """The endpoint, and an nginx before it that is set up by a block of the documentation."""
    program = needs(shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin"), "nginx (nginx-light)")
    public = tmp_path / "public"
    for path, text in {
        "index.html": "<h1>All</h1>",
        f"{EDITION}index.html": "<h1>February</h1>",
        f"{WITHDRAWN}index.html": "<h1>Withdrawn</h1>",
        "feed.atom": "<feed/>",
        "everyone/en/feed.json": "{}",
        "sitemap.xml": "<urlset/>",
        "gone.txt": f"{WITHDRAWN}\n",
        "gone.conf": f"location = /news/archive/{WITHDRAWN} "
        f"{{ error_page 410 /news/archive/{WITHDRAWN}index.html; return 410; }}\n",
        ".digest-archive": "ours",
        "../config.yaml": "secret: x",
    }.items():
        (public / path).parent.mkdir(parents=True, exist_ok=True)
        (public / path).write_text(text)
    ledger = MemoryLedger()
    endpoint = app(
        secrets=[SECRET],
        suppressions=ledger,
        newsroom=NewsroomProfile(
            name="Newsroom", contact="n@example.org", sender="d@example.org", timezone=ZoneInfo("Europe/Zurich")
        ),
        audiences={"everyone": Audience(name="everyone", title="All content")},
        theme=load_page_theme([], ThemeOptions()),
        archive=public,
        archive_path="/news/archive/",
        below="/news",
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(endpoint, access_log=False, server_header=False, log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    port = free_port()
    setup = SETUPS[request.param].replace("127.0.0.1:8025", f"127.0.0.1:{listener.getsockname()[1]}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    config = NGINX.format(
        root=tmp_path,
        port=port,
        types="/etc/nginx/mime.types",
        user="user root;" if os.geteuid() == 0 else "",
        temporary=" ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds),
        setup=setup.replace("/srv/newsroom/public/", f"{public}/"),
    )
    (tmp_path / "nginx.conf").write_text(config)
    with subprocess.Popen([program, "-p", tmp_path, "-c", tmp_path / "nginx.conf"], stderr=subprocess.PIPE) as nginx:
        try:
            for _ in range(1000):
                assert nginx.poll() is None, nginx.stderr.read()
                with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                    if server.started:
                        break
                time.sleep(0.02)
            yield Site(url=f"http://127.0.0.1:{port}", public=public, ledger=ledger)
        finally:
            nginx.terminate()
            nginx.wait(30)
            server.should_exit = True
            thread.join(20)
            listener.close()


def test_the_archive_below_a_path(site):
    """Pages, feeds by their media types, folders by a redirect that stays below the path; nothing beside them."""
    status, headers, body = site.curl(f"/news/archive/{EDITION}")
    assert (status, body) == (200, "<h1>February</h1>")
    assert "max-age=300" in headers["cache-control"]
    for path, media_type in (
        ("feed.atom", "application/atom+xml"),
        ("everyone/en/feed.json", "application/feed+json"),
        ("sitemap.xml", "/xml"),
    ):
        status, headers, _ = site.curl(f"/news/archive/{path}")
        assert status == 200
        assert media_type in headers["content-type"]
    status, headers, _ = site.curl(f"/news/archive/{EDITION.rstrip('/')}", "-H", "Host: evil.example")
    assert status in (301, 308)
    assert headers["location"] in ("./en/", f"/news/archive/{EDITION}")
    assert site.curl(f"/news/archive/{EDITION.rstrip('/')}", "-L")[2].endswith("<h1>February</h1>")
    status, headers, body = site.curl("/news/archive/", "--head")
    assert (status, headers["content-length"], body) == (200, "12", "")
    for path in (
        "archive/nothing/",
        "archive/.digest-archive",
        "archive/gone.txt",
        "archive/gone.conf",
        "archive/../config.yaml",
        "archive../config.yaml",
        "archive/%2e%2e/config.yaml",
        "archive/..%2fconfig.yaml",
    ):
        status, _, body = site.curl(f"/news/{path}")
        assert status == 404, path
        assert "secret" not in body


def test_conditional_requests(site, tmp_path):
    """A client that kept the tag or the date is told 304 and nothing else, until the file is another."""
    tag, asked = tmp_path / "tag", f"/news/archive/{EDITION}"
    assert site.curl(asked, "--etag-save", str(tag))[0] == 200
    file = site.public / EDITION / "index.html"
    for condition in (("--etag-compare", str(tag)), ("-z", str(file))):
        for method in ((), ("--head",)):
            status, headers, body = site.curl(asked, *condition, *method)
            assert (status, body) == (304, ""), (condition, method)
            assert headers["etag"] == tag.read_text().strip()
    file.write_text("<h1>February, corrected</h1>")
    os.utime(file, (time.time() + 5, time.time() + 5))
    status, _, body = site.curl(asked, "--etag-compare", str(tag))
    assert (status, body) == (200, "<h1>February, corrected</h1>")


def test_a_withdrawn_edition_is_gone(site):
    """410, and the page that says so."""
    status, _, body = site.curl(f"/news/archive/{WITHDRAWN}")
    assert (status, body) == (410, "<h1>Withdrawn</h1>")


def test_leaving_below_a_path(site):
    """The page's form comes back to where it was, and one click is answered 200 without redirect or cookie."""
    link = f"/news/u/{tokens.token([SECRET], 'everyone', 'ann@example.org')}"
    status, _, page = site.curl(link)
    assert status == 200
    assert '<form method="post">' in page
    assert not list(site.ledger.suppressions())
    for body in (("--data", "List-Unsubscribe=One-Click"), ("-F", "List-Unsubscribe=One-Click"), ("--data", "")):
        status, headers, _ = site.curl(link, *body)
        assert status == 200
        assert not headers.keys() & {"location", "set-cookie"}
    assert [row.address for row in site.ledger.suppressions()] == ["ann@example.org"]
    status, headers, _ = site.curl(link, "-X", "DELETE")
    assert (status, set(headers["allow"].split(", "))) == (405, {"GET", "HEAD", "POST"})
