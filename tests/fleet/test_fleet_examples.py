"""The examples are what they say: files that parse, a config that digest takes, and verbs that exist."""

from __future__ import annotations

from pathlib import Path

import yaml

from digest.cli import verbs
from digest.cli.app import app
from digest.config import load

EXAMPLES = Path(__file__).parents[2] / "examples" / "fleet"


def commands():
    compose = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        if name != "postgres":
            yield service["command"]
    for part in yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text()):
        for container in part["spec"].get("template", {}).get("spec", {}).get("containers", []):
            yield container["command"]


def test_verbs_of_the_examples_exist():
    """Each command in the compose file and the manifests is a verb with flags that it has."""
    from typer.main import get_command

    verbs.load()
    known = get_command(app).commands
    found = list(commands())
    assert len(found) == 3
    for program, verb, *flags in found:
        assert program == "digest"
        options = {option for parameter in known[verb].params for option in parameter.opts}
        assert {flag for flag in flags if flag.startswith("-")} <= options


def test_config_of_the_example():
    """The example's config.yaml is taken as it is."""
    config = load.load(EXAMPLES / "config.yaml", {})
    assert config.settings.send.engine == "procrastinate"
    assert config.settings.send.ledger_env == "DIGEST_LEDGER"
