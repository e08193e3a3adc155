"""What stays of an edition once it is frozen: its readers' Message-IDs, and the record of which ledger knows them."""

from __future__ import annotations

import email
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from digest.delivery import Delivery
from digest.editions import archive
from digest.editions.builder import build_edition
from digest.errors import LedgerBusy, LedgerError
from digest.newsroom.newsroom import open_newsroom
from digest.newsroom.paths import ARCHIVE
from digest.sending.freeze import freeze
from digest.sending.messages import content_of, message_builder, message_ids

ROOT = Path(__file__).parents[2]
NOW = datetime.fromisoformat("2022-03-01T09:00:00+01:00")
OLD, NEW = "old" * 11, "new" * 11
READER = "ana@example.org"


@pytest.fixture
def opened(tmp_path):
    """The sample newsroom, opened with these secrets of unsubscribe links, the newest first."""
    for name in ("config.yaml", "stories", "recipients"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    return lambda *secrets: open_newsroom(tmp_path / "config.yaml", {"DIGEST_UNSUBSCRIBE_SECRET": " ".join(secrets)})


def mail(newsroom, **stored):
    edition = newsroom.edition("2022-02", "everyone")
    rendering = build_edition(newsroom, edition, now=NOW).rendering
    builder = message_builder(newsroom, content_of(newsroom, rendering), now=NOW, live=True)
    delivery = Delivery(id=1, edition=edition.id, address=READER, **stored)
    return email.message_from_bytes(builder.outgoing(delivery).data)


def test_a_message_id_outlives_a_new_secret(opened):
    """A mail that is sent again after the secret was replaced is still known by its Message-ID: the oldest makes it."""
    before, after = opened(OLD), opened(NEW, OLD)
    assert mail(before)["Message-ID"] == mail(after)["Message-ID"] != mail(opened(NEW))["Message-ID"]
    edition = before.edition("2022-02", "everyone").id
    assert message_ids(before)(edition, READER) == message_ids(after)(edition, READER) in mail(after)["Message-ID"]


def test_the_newsrooms_own_header_fields_are_frozen_with_the_rest(opened, tmp_path):
    """What smtp and the audience add is in the mail, the audience's first, and a content kept on disk has it whole."""
    config = tmp_path / "config.yaml"
    text = config.read_text().replace("smtp:\n", "smtp:\n  headers: {X-PM-Message-Stream: outbound, X-Desk: news}\n")
    config.write_text(text.replace("    title:", "    headers: {x-pm-message-stream: broadcast}\n    title:", 1))
    newsroom = opened(OLD)
    assert mail(newsroom).get_all("X-PM-Message-Stream") == ["broadcast"]
    assert mail(newsroom).get_all("X-Desk") == ["news"]
    edition = newsroom.edition("2022-02", "everyone")
    content = content_of(newsroom, build_edition(newsroom, edition, now=NOW).rendering)
    kept = archive.from_data(archive.as_data(content), edition)
    assert kept.identity == content.identity
    assert kept.fingerprint == content.fingerprint


def test_the_message_id_of_the_ledger_is_the_mails(opened):
    """What the freeze stored is what goes out, whatever the settings would make today: bounces are matched by it."""
    assert mail(opened(OLD), message_id="<stored@newsroom.test>")["Message-ID"] == "<stored@newsroom.test>"


def test_a_reader_whose_row_lacks_a_column(opened, tmp_path):
    """A frozen row without the column that the theme asks for is that reader's refusal, which names it."""
    shutil.copytree(ROOT / "templates/default", tmp_path / "templates/default")
    text = tmp_path / "templates/default/text.txt.j2"
    text.write_text(f"{text.read_text()}\n{{{{ reader.field.city }}}}\n")
    assert "Bern" in mail(opened(OLD), fields='{"city": "Bern"}').get_payload(0).get_payload()
    with pytest.raises(ValueError, match="the column 'city', which this reader's row does not have"):
        mail(opened(OLD), fields='{"town": "Bern"}')


def test_a_damaged_record_of_a_begun_edition(opened, tmp_path):
    """A ledger.json that cannot be read does not say that the edition was never begun."""
    edition = opened(OLD).edition("2022-02", "everyone")
    assert not list(archive.begun(tmp_path, edition, ["everyone"]))
    archive.begin(tmp_path, edition, "ledger.db", "1234")
    (record,) = tmp_path.rglob(archive.LEDGER)
    whole = record.read_bytes()
    assert list(archive.begun(tmp_path, edition, ["everyone"])) == [edition]
    with pytest.raises(LedgerError, match=r"it is ledger\.db that does"):
        archive.refuse_begun(tmp_path, edition, "other.db")
    for damaged in (b"", whole[: len(whole) // 2], b"[]", b"{}", b"\xff" + whole):
        record.write_bytes(damaged)
        for place in ("ledger.db", "other.db"):
            with pytest.raises(LedgerError, match="was begun before"):
                archive.refuse_begun(tmp_path, edition, place)


@pytest.mark.parametrize("committed", [True, False])
def test_a_freeze_of_which_nobody_knows_whether_it_holds(opened, monkeypatch, committed):
    """The ledger fails at the freeze and cannot be asked after it: what readers would get is kept, and it goes on."""
    newsroom = opened(OLD)
    edition = newsroom.edition("2022-02", "everyone")
    ledger = newsroom.sending_setup.ledger()
    real = ledger.freeze_round

    def failing(*arguments, **more):
        if committed:
            real(*arguments, **more)
        monkeypatch.setattr(ledger, "mailing", unreachable)
        message = "the disk is full"
        raise LedgerError(message)

    def unreachable(_edition):
        message = "somebody holds the file"
        raise LedgerBusy(message)

    with monkeypatch.context() as patched:
        monkeypatch = patched
        patched.setattr(ledger, "freeze_round", failing)
        with pytest.raises(LedgerError, match="disk is full"):
            freeze(newsroom, ledger, edition, NOW)
    assert list((newsroom.root / ARCHIVE).rglob(archive.PART))
    assert freeze(newsroom, ledger, edition, NOW).fresh is not committed
    ledger.close()
