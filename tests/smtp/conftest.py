"""Settings that meet a fault server quickly, mails to send it, and certificates for it."""

from __future__ import annotations

import pytest
from smtpauthority import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
