"""The house: what a newcomer may rely on when looking for a room, whatever else changes."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

from digest.checks import images
from digest.composer import photos
from digest.composer.story_view import StoryView
from digest.model import STORY_KEYS, STORY_SHOWN
from digest.preview import story_form

SOURCE = Path(__file__).parents[2] / "src"
PACKAGE = "digest"
# A name means one thing in the whole tree. Where two classes share one all the same, the reason stands here.
SAME_CLASS_NAMES: dict[str, str] = {}
# Module names that more than one room has, as each means the same in every room.
SAME_MODULE_NAMES: dict[str, str] = {
    "app": "what a server or the command line runs",
    "files": "files on the disk, and a theme's",
    "report": "what became of a mailing, and what a mail server reports",
    "rules": "the rows of a decision: of selection, of bounces",
    "stories": "verbs, and checks, about stories",
    "subscribers": "verbs about lists, and what they do",
}


def modules() -> dict[str, Path]:
    """Every module by its dotted name; a package by its own."""
    paths = sorted((SOURCE / PACKAGE).rglob("*.py"))
    return {".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


MODULES = modules()
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()}
PACKAGES = {name for name, path in MODULES.items() if path.stem == "__init__"}


def imported(name: str) -> set[str]:
    """The modules of ours that this one imports anywhere in it: at its top, in a function, for types alone."""
    names: set[str] = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are written in full"
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                names.add(below if below in MODULES else str(node.module))
    return names & set(MODULES) - {name}


def test_no_modules_import_each_other():
    """Nor does one import itself by way of others, when they load, later in a function, or for types: no cycle."""
    TopologicalSorter({name: imported(name) - PACKAGES for name in MODULES if name not in PACKAGES}).prepare()


def test_a_class_name_means_one_thing():
    """No public class of a module's top level has a namesake, but for those whose reason is written down."""
    homes = defaultdict(list)
    for name, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name)
    twice = {name: where for name, where in homes.items() if len(where) > 1}
    assert twice.keys() == SAME_CLASS_NAMES.keys(), twice
    assert all(SAME_CLASS_NAMES.values())


def test_a_module_is_found_by_its_name():
    """Few modules share a name, and each of those is on the list with what it means."""
    counts = Counter(path.stem for name, path in MODULES.items() if name not in PACKAGES)
    twice = {name for name, count in counts.items() if count > 1}
    assert twice == SAME_MODULE_NAMES.keys()
    assert len(twice) <= 6


def test_few_modules_have_no_room():
    """What lies loose at the top is what every room may use, and the door by which Python comes in."""
    loose = {name.removeprefix(f"{PACKAGE}.") for name in MODULES if name.count(".") == 1 and name not in PACKAGES}
    loose.remove("__main__")
    assert len(loose) <= 11, loose


# A count's noun, put into its number by hand: `'s' * (count != 1)`, `"is" if count == 1 else "are"`, and in JavaScript.
PLURAL = re.compile(
    r"""['"](?:s|ies|y|es|is|are|was|were|it|them)['"] (?:\*|if .*[!=]= 1\b)"""
    r"""|[!=]==? 1 \? |\b(?:if|else) [^"'\n]*[!=]= 1 (?:else|and) ["']\w+["']""",
)


def test_a_count_takes_its_noun_by_one_rule():
    """`1 mail is`, `2 mails are`: text/counting.py says so, and dom.js for the page; nobody else writes a plural."""
    rule = {SOURCE / PACKAGE / "text" / "counting.py", SOURCE / PACKAGE / "preview" / "static" / "dom.js"}
    files = [*(SOURCE / PACKAGE).rglob("*.py"), *(SOURCE / PACKAGE / "preview" / "static").glob("*.js")]
    by_hand = [
        f"{path.relative_to(SOURCE)}:{number}: {line.strip()}"
        for path in files
        if path not in rule
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if PLURAL.search(line)
    ]
    assert by_hand == []


def test_every_module_says_what_it_is():
    """The first line of each docstring is a whole sentence, or the beginning of one."""
    first = {name: (ast.get_docstring(tree) or "").partition("\n")[0] for name, tree in TREES.items()}
    assert [name for name, line in first.items() if len(line) < 20 or line[-1] not in ".:,;"] == []


# A value is a Struct (docs/decisions/values.md); where a field says more than its type and its default, a dataclass.
DATACLASSES: dict[str, str] = {
    "digest.blocks.kinds": "a field of a block says what it holds",
    "digest.bounces.mailbox": "secrets are not shown",
    "digest.config.load": "the file's text is not compared",
    "digest.config.schedule_lines": "how working days are counted is not compared",
    "digest.importing.source": "an item is what a story says",
    "digest.issues.issue_file": "the file's text is not compared",
    "digest.mail.dkim": "keys are not shown",
    "digest.model": "where a story or an issue lies is not what it says",
    "digest.newsroom.newsroom": "the environment, which has secrets, is not shown",
    "digest.newsroom.sending_setup": "the environment, which has secrets, is not shown",
    "digest.preview.request_guard": "keys are not shown",
    "digest.recipients.segments": "what is worked out from its words is not compared",
    "digest.smtp.relay_settings": "secrets are not shown",
}


def test_a_value_is_a_struct():
    """Or stands in a module that is listed above, with the reason why it is a dataclass."""
    made = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in node.decorator_list)
    }
    assert made == set(DATACLASSES)


# Some fields of a story are named together where a rule is about just these; each with its reason.
FIELDS_BY_HAND = {
    "digest.model": "says which fields its readers do not see",
    "digest.importing.front_matter": "what other programs' files can say",
    "digest.importing.listing_html": "what a listing page can say",
}


def test_what_a_storys_readers_see_is_listed_in_one_place():
    """A field that is added is shown, checked, compared and led back without a list of names that could forget it."""
    fields = {*STORY_KEYS, "date_only", "summary"}
    found = set()
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Tuple | ast.List | ast.Set):
                names = {each.value for each in node.elts if isinstance(each, ast.Constant)}
                if len(names) == len(node.elts) >= 4 and names <= fields:
                    found.add(name)
    assert found == set(FIELDS_BY_HAND)


# What is called otherwise where templates see it.
SEEN_AS = {"read": "own_read", "summary": "html"}
# What the desk's form of a story leaves to its file.
NOT_ON_THE_DESK = {"translation_of", "guid", "embargo", "weight", "repeat"}


def test_a_storys_fields_reach_templates_and_the_desk():
    """What readers see of a story, a theme can show; what its file may say, an editor can write, or here is why not."""
    assert {SEEN_AS.get(name, name) for name in STORY_SHOWN} <= set(StoryView.__struct_fields__)
    assert {field.key for field in story_form.FIELDS} | NOT_ON_THE_DESK == {*STORY_KEYS, "summary"}


def test_the_composer_and_the_checks_know_the_same_pictures():
    """What a mail leaves out as nothing that all programs show is what the checks warn of, by whatever suffix."""
    kinds = {suffix: images.suffix_kind(f"https://a.example/x{suffix}") for suffix in photos.UNSHOWN}
    assert [suffix for suffix, kind in kinds.items() if not kind or kind in images.SHOWN_EVERYWHERE] == []
    assert {f".{suffix}" for suffix, kind in images.SUFFIXES.items() if kind not in images.SHOWN_EVERYWHERE} == set(
        kinds
    )
