"""FAULTS 58, 59 on the page as a desk: what another site, a crafted file or a crafted name tries on what it writes."""

from __future__ import annotations

import io
import shutil
import zlib

import httpx
import pytest
from PIL import Image
from previewed import Shown, serving

from digest.cli.call import Call
from digest.cli.flags import Common
from digest.cli.preview import preview_state
from digest.preview import server
from digest.preview.request_guard import FILES, PageAccess
from digest.preview.state import ViewRequest

URUGUAY = "2022-02-25-digitally-and-financially-empowered"
# Every address that takes a POST, with a body that would do something there.
WRITES = {
    "/api/overrides": {"period": "2022-02", "pin": [URUGUAY], "skip": [], "order": []},
    "/api/story": {"id": "", "version": "", "values": {"title": "Hacked", "date": "2022-02-02"}},
    "/api/issue": {"period": "2022-02", "version": "", "do": "texts", "values": {"subject": "Hacked"}},
    "/api/draft": {"id": URUGUAY, "values": {"title": "Hacked"}},
    "/api/undo": {"id": 1},
    "/api/import": {"address": "https://www.example.org/"},
    "/api/import/source": {"name": "news"},
    "/api/import/take": {"offer": "x"},
    "/api/test": {"address": "desk@example.org"},
    "/api/approve": {"period": "2022-02", "by": "Mallory", "fingerprint": ""},
}


def picture(kind="PNG", size=(40, 30), **options) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, (200, 30, 40)).save(data, kind, **options)
    return data.getvalue()


@pytest.fixture(scope="module")
def shown(built_once, tmp_path_factory):
    """One served newsroom for all attacks: none of them may change it but where a test says so."""
    root = tmp_path_factory.mktemp("attacked") / "newsroom"
    shutil.copytree(built_once, root)
    made = Shown(root)
    with serving(made):
        yield made


def files(shown):
    return {p: p.read_bytes() for p in shown.root.rglob("*") if p.is_file() and ".digest" not in p.parts}


def send(shown, path, data, query=None, **headers):
    ours = {"Origin": shown.url, "X-Digest-Token": shown.token, "Content-Type": "application/octet-stream"}
    return httpx.post(shown.url + path, params=query or {}, content=data, headers={**ours, **headers}, timeout=60)


def hand_in(shown, data, name="a.png", **headers):
    return send(shown, "/api/picture", data, {"name": name}, **headers)


def test_every_write_is_attacked_here(folder):
    """The lists of this module are all that the page writes by: a new address must be added."""
    state = preview_state(Call(Common(config=folder.root / "config.yaml")), ViewRequest())
    application, _ = server.app(state, PageAccess(host="127.0.0.1", port=1, token="t"))
    takes = set()
    for route in application.routes:
        methods = getattr(route, "methods", None) or ({"POST"} if hasattr(route.endpoint, "post") else set())
        if "POST" in methods:
            takes.add(route.path)
    assert takes == {*WRITES, *FILES}


@pytest.mark.parametrize(
    "wrong",
    [
        {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {"X-Digest-Token": "guess"},
        {"X-Digest-Token": ""}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"}, {"Content-Type": "text/plain"}, {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
    ids=lambda wrong: "-".join(f"{key}={value}" for key, value in wrong.items()),
)  # fmt: skip
@pytest.mark.parametrize("path", [*WRITES, *FILES])
def test_a_write_from_elsewhere_changes_nothing(shown, path, wrong):
    """A write needs our origin, our host, our token and our type; without any one of them nothing is written."""
    before = files(shown)
    answer = send(shown, path, picture(), **wrong) if path in FILES else shown.post(path, WRITES[path], **wrong)
    assert answer.status_code in (403, 415)
    assert files(shown) == before


@pytest.mark.parametrize("path", [*WRITES, *FILES])
def test_what_is_written_is_not_got(shown, path):
    """No GET writes: another page can make a browser send one at any time. The forms' addresses only read."""
    before = files(shown)
    answer = shown.get(path, id=URUGUAY, name="a.png", title="Hacked")
    assert answer.status_code == (200 if path in ("/api/story", "/api/issue") else 405)
    assert files(shown) == before


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize(
    "body",
    [[1], {}, {"values": 3}, {"values": {"title": 3}}, {"values": {"__proto__": "x"}}, {"id": 3, "values": {}},
     {"id": {"a": 1}}, {"offer": []}, {"id": "x" * 100_000, "values": {}}, {"values": {"title": ["a"] * 5000}}],
)  # fmt: skip
def test_wrong_shapes_are_refused_in_a_sentence(shown, path, body):
    """Whatever a body holds, the answer is a line and not a stack trace, and nothing is written."""
    before = files(shown)
    answer = shown.post(path, body)
    assert answer.status_code in (409, 422)
    assert answer.json()["errors"]
    assert "Traceback" not in answer.text
    assert files(shown) == before


@pytest.mark.parametrize("path", WRITES)
def test_a_body_that_is_too_large_is_not_read(shown, path):
    """What no page of ours would send is refused by its size, and by what it really brings."""
    assert shown.post(path, {"values": {"title": "x" * 300_000}}).status_code == 413


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_is_too_large_is_not_read(shown, path):
    """A file has its own limit, and a length that is claimed to be less changes nothing."""
    assert send(shown, path, b"\0" * (FILES[path] + 1), {"name": "a.png"}).status_code == 413


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "..", ".", "", "a/../../config", "..\\..\\config", "a\0b", "CON", ".imports",
     "../stories/" + URUGUAY + "/x", "%2e%2e%2fconfig", "a" * 5000, f"{URUGUAY}/.."],
)  # fmt: skip
def test_no_story_is_found_outside_the_stories(shown, name):
    """However a story is called, only a story file of the newsroom is read or written."""
    before = files(shown)
    got = shown.get("/api/story", id=name)
    assert got.status_code == 409 or (not name and got.json()["id"] == "")
    if name:
        answer = shown.post("/api/story", {"id": name, "version": "", "values": {"title": "Hacked"}})
        assert answer.status_code == 409
        assert "there is no story" in answer.text or "at most" in answer.text
    assert files(shown) == before


def test_no_story_is_followed_out_by_a_link(shown):
    """A folder in stories/ that leads out of the newsroom is not there for the form."""
    outside = shown.root.parent / "outside"
    outside.mkdir()
    (outside / "a.md").write_text("---\ntitle: Secret\ndate: 2022-02-02\n---\n")
    (shown.root / "stories" / "out").symlink_to(outside)
    try:
        assert shown.get("/api/story", id="out/a").status_code == 409
        answer = shown.post("/api/story", {"id": "out/a", "version": "", "values": {"title": "Hacked"}})
        assert answer.status_code == 409
        assert "Secret" in (outside / "a.md").read_text()
    finally:
        (shown.root / "stories" / "out").unlink()


def test_a_new_story_is_named_by_us(shown):
    """A title that looks like a path becomes letters and hyphens of a name in stories/."""
    values = {"title": "../../../etc/cron.d/evil\u202e .md", "date": "2020-01-02"}
    answer = shown.post("/api/story", {"id": "", "version": "", "values": {**values, "title": "../../etc/cron.d/evil"}})
    assert answer.json()["id"] == "2020-01-02-etc-cron-d-evil"
    assert (shown.root / "stories/2020-01-02-etc-cron-d-evil.md").exists()
    (shown.root / "stories/2020-01-02-etc-cron-d-evil.md").unlink()
    turned = shown.post("/api/story", {"id": "", "version": "", "values": values}).json()["id"]
    assert "\u202e" not in turned + (shown.root / f"stories/{turned}.md").read_text(encoding="utf-8")
    assert turned == "2020-01-02-etc-cron-d-evil-md"


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "/etc/passwd", "../config.yaml", "-", "ftp://example.org/a", "javascript:alert(1)", "",
     "http://127.0.0.1:{port}/", "http://localhost:{port}/api/readers", "http://[::1]/", "http://169.254.169.254/"],
)  # fmt: skip
def test_the_page_reads_nothing_of_the_machine_that_it_is_asked_for(shown, address):
    """An address for an import is a public http(s) one: no file, no pipe, not this machine, not its neighbours."""
    port = shown.url.rpartition(":")[2]
    answer = shown.post("/api/import", {"address": address.format(port=port)})
    assert answer.status_code == 409
    assert "root:" not in answer.text
    assert "newsroom@" not in answer.text


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="top.hacked=1"><script>top.hacked=1</script></svg>'
BOMB = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (50_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    + zlib.crc32(b"IHDR" + (50_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0").to_bytes(4, "big")
)  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [SVG, b"\xef\xbb\xbf" + SVG, b"<?xml version='1.0'?>" + SVG, b"GIF89a/*" + SVG, b"\x89PNG\r\n\x1a\n" + SVG,
     b"\xff\xd8\xff\xe0" + SVG, b"", b"MZ" + b"\0" * 100, b"%PDF-1.7", b"PK\x03\x04", picture()[:60], BOMB,
     b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", picture("BMP"), picture("TIFF"), picture("ICO"),
     b"<html><script>top.hacked=1</script>"],
    ids=range(17),
)  # fmt: skip
def test_what_is_no_picture_of_ours_is_refused(shown, data):
    """SVG, what calls itself a picture, formats that mails do not show, and one that would fill the memory."""
    answer = hand_in(shown, data)
    assert answer.status_code == 409
    assert "picture" in answer.json()["errors"][0]
    assert not (shown.root / "images").exists()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_only_the_pixels_of_a_picture_are_kept(shown, kind):
    """What hides behind or in a picture (a page, an archive, EXIF with a place, a comment) is not in the file."""
    secret = b"PK\x03\x04<script>top.hacked=1</script>"
    exif = Image.Exif()
    exif[0x010E] = "<script>top.hacked=1</script>"
    options = {"comment": secret} if kind in ("GIF", "JPEG") else {}
    made = picture(kind, exif=exif, **options) if kind != "GIF" else picture(kind, **options)
    answer = hand_in(shown, made + secret, f"poly-{kind}.html")
    path = answer.json()["path"]
    try:
        kept = (shown.root / path).read_bytes()
        assert b"script" not in kept
        assert b"PK\x03\x04" not in kept
        assert path in (f"images/poly-{kind.lower()}.png", f"images/poly-{kind.lower()}.jpg")
        assert Image.open(io.BytesIO(kept)).size == (40, 30)
        assert not Image.open(io.BytesIO(kept)).getexif()
        assert shown.get(f"/image/{path}").headers["content-type"] in ("image/png", "image/jpeg")
    finally:
        shutil.rmtree(shown.root / "images")


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../config.yaml", "config"), ("..\\..\\evil.png", "evil"), ("/etc/passwd", "passwd"),
     (".htaccess", "htaccess"), ("a\0b.png", "a-b"), ("", "picture"), ("....", "picture"), ("x" * 4000, "x" * 40),
     ("con.png", "con"), ("<script>.png", "script"), ("foto größe.png", "foto-grosse"), ("a/b/../../../../c.svg", "c")],
)  # fmt: skip
def test_the_name_of_a_picture_is_never_a_path(shown, name, kept):
    """Whatever a file is called, it lands in images/, under letters and hyphens, with the ending of what it is."""
    before = {path for path in files(shown) if "images" not in path.parts}
    answer = hand_in(shown, picture(), name)
    try:
        assert answer.json()["path"] == f"images/{kept}.png"
        assert {path for path in files(shown) if "images" not in path.parts} == before
    finally:
        shutil.rmtree(shown.root / "images")


def test_a_folder_of_images_that_leads_out_is_not_written_to(shown):
    """Where images/ is a link to elsewhere, nothing is handed in."""
    elsewhere = shown.root.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    (shown.root / "images").symlink_to(elsewhere)
    try:
        assert hand_in(shown, picture()).status_code == 409
        assert not [*elsewhere.iterdir()]
    finally:
        (shown.root / "images").unlink()


def test_a_picture_is_turned_upright_and_made_smaller(shown):
    """A phone's picture lies on its side and says so; it is kept upright, at twice what a mail shows."""
    exif = Image.Exif()
    exif[0x0112] = 6
    answer = hand_in(shown, picture("JPEG", (4000, 3000), exif=exif), "phone.jpg").json()
    try:
        with Image.open(shown.root / answer["path"]) as kept:
            assert kept.size == (1600, 2133)
        assert "made smaller" in answer["notes"][0]
        same = hand_in(shown, picture("JPEG", (4000, 3000), exif=exif), "phone.jpg").json()
        assert (same["path"], same["undo"]) == (answer["path"], 0)
        other = hand_in(shown, picture("JPEG", (400, 300)), "phone.jpg").json()
        assert other["path"] == "images/phone-2.jpg"
        assert shown.post("/api/undo", {"id": other["undo"]}).status_code == 200
        assert not (shown.root / other["path"]).exists()
    finally:
        shutil.rmtree(shown.root / "images")
