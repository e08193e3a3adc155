"""Fetch the peers, once, into a folder outside of the repository: npm packages, a venv with PyPI's, Debian's tools.

Nothing of theirs is committed, and no lock file either: each fetch takes the newest release of the major version that
is compared. `DIGEST_BENCHMARKS` names the folder; below the system's temporary folder when it is not set.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from functools import cache
from pathlib import Path

NPM = {
    "mjml4": "npm:mjml@4",
    "mjml5": "npm:mjml@5",
    "nodemailer": "latest",
    "react": "latest",
    "react-dom": "latest",
    "@react-email/components": "latest",
    "@react-email/render": "latest",
    "@maizzle/framework": "5",
}
PYPI = ("aiosmtplib",)
HERE = Path(__file__).parent


def folder() -> Path:
    """Where the peers are, and what the benchmarks write while they run."""
    place = os.environ.get("DIGEST_BENCHMARKS")
    made = Path(place) if place else Path(tempfile.gettempdir()) / f"digest-benchmarks-{os.getuid()}"
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made


@cache
def node() -> Path | None:
    """The folder in which npm's packages are installed; None where there is no node."""
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    place = folder() / "npm"
    wanted = json.dumps({"private": True, "type": "module", "dependencies": NPM})
    manifest = place / "package.json"
    if not (place / "done").exists() or manifest.read_text() != wanted:
        place.mkdir(exist_ok=True)
        manifest.write_text(wanted)
        _say("installing from npm: " + ", ".join(NPM))
        options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
        subprocess.run(["npm", "install", *options], cwd=place, check=True, stdout=subprocess.DEVNULL)
        (place / "done").touch()
    for script in (HERE / "node").glob("*.mjs"):
        shutil.copy(script, place)  # where they find the packages
    return place


@cache
def python() -> Path:
    """The interpreter of a venv with PyPI's peers."""
    place = folder() / "venv"
    program = place / "bin" / "python"
    if not (place / "done").exists():
        _say("installing from PyPI: " + ", ".join(PYPI))
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([program, "-m", "pip", "install", "--quiet", *PYPI], check=True)
        (place / "done").touch()
    return program


@cache
def postfix(name: str) -> str | None:
    """The path of smtp-sink or smtp-source; None where Debian's postfix can be neither found nor installed."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    if found := shutil.which(name, path=path):
        return found
    if os.getuid() == 0 and shutil.which("apt-get"):
        _say("installing Debian's postfix, for smtp-sink and smtp-source")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-y", "-q", "postfix"], env=quiet, stdout=sys.stderr, check=False)
    return shutil.which(name, path=path)


def versions() -> dict[str, str]:
    """The peers' versions, by name."""
    found: dict[str, str] = {}
    if place := node():
        found["node"] = _output("node", "--version").lstrip("v")
        for name in NPM:
            manifest = place / "node_modules" / name / "package.json"
            found[name] = str(json.loads(manifest.read_text())["version"])
    code = "from importlib.metadata import version; print(*map(version, %r))" % (PYPI,)  # noqa: UP031 - braces in code
    found |= dict(zip(PYPI, _output(str(python()), "-c", code).split(), strict=True))
    if shutil.which("dpkg-query"):
        found["postfix"] = _output("dpkg-query", "-W", "-f", "${Version}", "postfix")
    found["openssl"] = _output("openssl", "version")
    return {name: value for name, value in found.items() if value}


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _say(text: str) -> None:
    print(f"benchmarks: {text}", file=sys.stderr, flush=True)
