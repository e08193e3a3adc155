"""The ways in which a machine can be made to run `digest run` by itself. Names only, so that the help loads nothing."""

from __future__ import annotations

from enum import StrEnum


class Unit(StrEnum):
    """What `digest schedule --install` can write."""

    CRON = "cron"
    SYSTEMD = "systemd"
    KUBERNETES = "kubernetes"
    GITHUB = "github"
