"""Help, and what a shell completes: whoever starts typing is told what there is, in whole sentences."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from digest.cli.app import app, load
from digest.cli.verbs import EXAMPLES, PART_EXAMPLES
from needed import needs


def commands():
    from typer.main import get_command

    load()
    return get_command(app).commands


def test_the_overview_is_in_groups_of_whole_sentences(newsroom):
    """Every verb stands in a group, with a sentence that ends; nothing is cut off with dots."""
    text = newsroom("--help").out
    assert [title for title in EXAMPLES if f"\n{title}:\n" in text] == list(EXAMPLES)
    assert "…" not in text
    assert "..." not in text.replace("[ARGS]...", "")
    named = [verb for verbs in EXAMPLES.values() for verb in verbs]
    assert set(commands()) <= set(named)
    assert "\nOthers:\n" not in text
    assert all(command.help.partition("\n\n")[0].endswith(".") for command in commands().values())


def test_every_verb_has_an_example_that_it_would_take(newsroom):
    """The example below a verb's help names that verb, and its options are options of it."""
    parts = {(group, name): each for group, verbs in PART_EXAMPLES.items() for name, each in verbs.items()}
    top = {(name,): each for verbs in EXAMPLES.values() for name, each in verbs.items() if name in commands()}
    for path, example in {**top, **parts}.items():
        words = example.split()
        assert words[: len(path) + 1] == ["digest", *path], example
        shown = newsroom(*path, "--help").out
        assert f"Example: {example}" in " ".join(shown.split()), example
        if path in (("subscribers",), ("theme",)):
            shown = newsroom(*words[1:3], "--help").out
        options = [word for word in words if word.startswith("-")]
        assert [option for option in options if option not in shown] == [], example


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["biuld"], "there is no verb 'biuld', did you mean 'build'?"),
        (["subscribers", "exprt"], "there is no verb 'exprt' in `digest subscribers`, did you mean 'export'?"),
        (["build", "--montth", "2022-02"], "there is no option --montth, did you mean --month?"),
        (["send", "--liv"], "there is no option --liv, did you mean --live?"),
        (["send", "--xyzzy"], "there is no option --xyzzy; see `digest send --help`"),
        (["build", "--month", "2022-02", "-a", "evryone"], "there is no audience 'evryone', did you mean 'everyone'?"),
        (["build", "2022-02/evryone"], "there is no audience 'evryone', did you mean 'everyone'?"),
        (["subscribers", "list", "-a", "skils"], "there is no audience 'skils', did you mean 'skills'?"),
    ],
)
def test_what_was_meant_is_named(newsroom, typed, said):
    """A verb, an option or an audience with a slip of the finger gets the nearest that there is, in one line."""
    done = newsroom(*typed)
    assert (done.code, done.lines) == (2, [f"digest: {said}"])


def completed(newsroom, line, **variables):
    """What the shell would offer at the end of `line`."""
    words = line.split(" ")
    asked = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1), "_DIGEST_COMPLETE": "complete_bash"}
    done = newsroom.shell(env={**asked, **variables})
    assert done.err == ""
    return done.out.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("digest res", ["resume", "resolve"]),
        ("digest build --mon", ["--month"]),
        ("digest build -a s", ["skills"]),
        ("digest status 2022-02/ev", ["2022-02/everyone/en"]),
        ("digest check -l e", ["en"]),
        ("digest subscribers list -a im", ["impact"]),
        ("digest subscribers add --topics gen", ["gender"]),
        ("digest subscribers add --topics skills,gen", ["skills,gender"]),
        ("digest completion f", ["fish"]),
    ],
)
def test_a_shell_completes_what_the_newsroom_has(newsroom, line, offered):
    """Verbs, options, editions, audiences, languages and topics are completed from the files that are there."""
    newsroom.write("recipients/everyone.csv", "email,topics\nann@example.org,gender;skills\n")
    assert sorted(completed(newsroom, line)) == sorted(offered)


def test_completion_is_silent_where_it_knows_nothing(newsroom):
    """Without a newsroom, or with one that cannot be read, nothing is offered and nothing is said."""
    newsroom.write("config.yaml", "audiences: [\n")
    assert completed(newsroom, "digest build -a s") == []
    (newsroom.root / "config.yaml").unlink()
    assert completed(newsroom, "digest status 2022") == []


def test_completion_loads_little(newsroom):
    """At every Tab no library is loaded that only a verb needs."""
    code = (
        "import sys\n"
        "from digest.cli import main\n"
        "try:\n    main()\n"
        "finally:\n"
        "    heavy = ('sqlalchemy', 'jinja2', 'lxml', 'babel', 'rich', 'httpx')\n"
        "    print(*[name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    asked = {"COMP_WORDS": "digest\nbuild\n-a\ns", "COMP_CWORD": "3", "_DIGEST_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=newsroom.root,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.stderr.split()) == (["skills"], [])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(newsroom, shell):
    """`digest completion` prints a script that its shell takes."""
    script = newsroom("completion", shell, now=None).out
    assert "_DIGEST_COMPLETE" in script
    assert (
        subprocess.run([needs(shutil.which(shell), shell), "-n"], input=script, text=True, check=False).returncode == 0
    )
