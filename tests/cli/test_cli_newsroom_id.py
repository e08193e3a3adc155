"""`newsroom.id`: a newsroom and its ledger know each other, whatever the newsroom is called and wherever it lies."""

from __future__ import annotations

import shutil

import pytest
from test_cli_send import live

from mailsink import AnyPort, Sink


@pytest.fixture
def sink(newsroom):
    handler = Sink()
    controller = AnyPort(handler, hostname="127.0.0.1", port=0, data_size_limit=None)
    controller.start()
    for name, value in (("HOST", "127.0.0.1"), ("PORT", str(controller.port)), ("TLS", "none")):
        newsroom.monkeypatch.setenv(f"DIGEST_SMTP__{name}", value)
    newsroom.monkeypatch.setenv("DIGEST_SEND__LEDGER", f"sqlite:///{newsroom.root}/shared.db")
    yield handler
    controller.stop()


def copied(newsroom, folder):
    """The newsroom's committed files in another folder."""
    for name in ("config.yaml", "stories", "recipients"):
        source = newsroom.root / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return folder


@pytest.mark.usefixtures("sink")
def test_the_first_live_send_writes_it_and_the_next_keep_it(newsroom):
    """A plan writes nothing; a send does, in silence; later ones leave it as it is."""
    file = newsroom.root / "newsroom.id"
    newsroom("send", "--month", "2022-02", "--audience", "everyone")
    assert not file.exists()
    done = live(newsroom)
    assert (done.code, done.err) == (0, "")
    written = file.read_bytes()
    assert len(written.strip()) == 32
    assert live(newsroom).code == 4
    assert file.read_bytes() == written


def test_two_newsrooms_of_one_name_do_not_share_a_ledger(newsroom, sink, tmp_path_factory):
    """The second, with an id of its own, is refused, and nobody's mails count as sent for it."""
    assert live(newsroom).code == 0
    sent = len(sink.mails)
    other = copied(newsroom, tmp_path_factory.mktemp("other"))
    newsroom.root, first = other, newsroom.root
    made = newsroom("config", "--new-id")
    assert (made.code, (other / "newsroom.id").read_bytes() != (first / "newsroom.id").read_bytes()) == (0, True)
    done = live(newsroom)
    assert (done.code, "two newsrooms cannot share one" in done.err) == (1, True)
    assert len(sink.mails) == sent


@pytest.mark.usefixtures("sink")
def test_a_ledger_that_knows_the_newsroom_gives_it_its_id(newsroom, tmp_path_factory):
    """A checkout from before there were ids goes on with the ledger of its name, and says so once.

    It needs the secret of the mails that the ledger knows, which is in no repository.
    """
    assert live(newsroom).code == 0
    other = copied(newsroom, tmp_path_factory.mktemp("checkout"))
    newsroom.root, first = other, newsroom.root
    january = ("send", "--month", "2022-01", "--audience", "everyone", "--live", "--yes")
    assert ".digest/secret is missing" in newsroom(*january).err
    (other / ".digest").mkdir(exist_ok=True)
    shutil.copy(first / ".digest" / "secret", other / ".digest" / "secret")
    asked = newsroom(*january[:-1])
    assert (asked.code, "taken over from the ledger" in asked.err) == (2, True)  # said before anybody is mailed
    assert not (other / "newsroom.id").exists()
    done = newsroom(*january)
    assert (done.code, "taken over from the ledger, in which 2022-02/everyone/en was sent before" in done.err) == (
        0,
        True,
    )
    assert (other / "newsroom.id").read_bytes() == (first / "newsroom.id").read_bytes()


@pytest.mark.usefixtures("sink")
def test_a_corrected_name_is_no_drama(newsroom):
    """With its id, the newsroom is known under another name."""
    assert live(newsroom).code == 0
    config = newsroom.root / "config.yaml"
    config.write_text(config.read_text().replace("name: ILO Newsroom", "name: The ILO Newsroom"))
    assert newsroom("status").code == 0
    assert live(newsroom).code == 4


def test_a_damaged_id_is_said_in_a_line(newsroom, sink):
    """It is not taken for none: the ledger of another newsroom would be taken over."""
    (newsroom.root / "newsroom.id").write_text("hello\n")
    done = live(newsroom)
    assert (done.code, len(done.err.splitlines()), "newsroom.id" in done.err) == (2, 1, True)
    assert not sink.mails
