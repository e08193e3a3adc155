"""Help, and what a shell completes: whoever starts typing is told what there is, in whole sentences."""

from __future__ import annotations

import contextlib
import os
import pty
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
        (["help", "send"], "there is no verb 'help', did you mean '--help'?"),
        (["version"], "there is no verb 'version', did you mean '--version'?"),
        (["-c", "config.yaml", "status"], "-c comes after the verb: digest VERB -c"),
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


# Each line as it is begun, and as Tab leaves it; the last part of it is what `fish` offers there.
BEGUN = {
    "digest comple": "digest completion",
    "digest build --mon": "digest build --month",
    "digest build -a sk": "digest build -a skills",
    "digest send 2022-02/ev": "digest send 2022-02/everyone/en",
}


@pytest.fixture
def shells(newsroom, tmp_path_factory):
    """A home of nobody's, with each shell's script where docs/commands.md puts it; `digest` is on the path."""
    home = tmp_path_factory.mktemp("home")
    program = home / "bin/digest"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom digest.cli import main\nmain()\n")
    program.chmod(0o755)
    script = {shell: newsroom("completion", shell, now=None).out for shell in ("bash", "zsh", "fish")}
    (home / ".bashrc").write_text(f"{script['bash']}\n")
    (home / ".zshrc").write_text(f"autoload -U compinit && compinit -u\n{script['zsh']}\n")
    (home / ".config/fish/completions").mkdir(parents=True)
    (home / ".config/fish/completions/digest.fish").write_text(script["fish"])
    return home


def surroundings(home):
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ZDOTDIR"))}
    return {**kept, "HOME": str(home), "PATH": path, "TERM": "xterm", "LC_ALL": "C.UTF-8"}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_tab_completes_verbs_options_audiences_and_editions(newsroom, shells, shell):
    """Typed into the shell itself, on a terminal; what Tab has made of the line is written down, and not run."""
    program = needs(shutil.which(shell), shell)
    kept = newsroom.root / "typed"
    # Ctrl-A goes to the line's beginning: what Tab has made of it is printed, and not run.
    typed = "".join(f"{begun}\t\x01echo >>{kept} \n" for begun in BEGUN) + "exit\n"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [program, *(["--noprofile"] if shell == "bash" else ["-d"]), "-i"],
        cwd=newsroom.root, env=surroundings(shells), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as run:  # fmt: skip
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        with contextlib.suppress(OSError):  # as a terminal says that nobody is there any more
            while heard := os.read(ours, 4096):
                shown += heard
        os.close(ours)
    assert run.returncode == 0
    assert kept.read_text().splitlines() == list(BEGUN.values()), shown.decode()


def test_fish_offers_verbs_options_audiences_and_editions(newsroom, shells):
    """As fish itself says what it would offer."""
    program = needs(shutil.which("fish"), "fish")
    for begun, done in [*BEGUN.items(), ("digest send ", "digest send 2022-02/skills/en")]:
        command = [program, "-c", f"complete -C '{begun}'"]
        said = subprocess.run(
            command, cwd=newsroom.root, env=surroundings(shells), capture_output=True, text=True, check=True, timeout=60
        )
        assert said.stderr == ""
        assert done.rpartition(" ")[2] in [line.partition("\t")[0] for line in said.stdout.splitlines()]


def test_python_can_run_it_by_its_name(newsroom):
    """`python -m digest` is `digest`: the same words under the same name, the same exit codes."""
    for arguments in (["--version"], ["build", "--help"], ["build", "--hepl"], ["config"]):
        ran = subprocess.run(
            [sys.executable, "-m", "digest", *arguments], cwd=newsroom.root, capture_output=True, text=True, check=False
        )
        done = newsroom(*arguments, now=None)
        assert (ran.returncode, ran.stdout, ran.stderr) == (done.code, done.out, done.err)
        assert "__main__" not in ran.stdout + ran.stderr
