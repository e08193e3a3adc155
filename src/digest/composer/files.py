"""A theme's files: the newsroom's own first, then those that came with digest; and which of them a line comes from.

    folders ─▶ ThemeFiles(theme.mjml.j2, partials, text.txt.j2, theme.yaml, locale/*.yaml)

    template files ─▶ one text ─▶ SourceMap ─▶ "templates/default/theme.mjml.j2:41"

Reads templates and nothing else: a name that leads out of the theme's folders is refused.
"""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from digest.errors import Fault, ThemeError
from digest.files import typed
from digest.yamlfile import did_you_mean, in_conflict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MJML = "theme.mjml.j2"
TEXT = "text.txt.j2"
SETTINGS = "theme.yaml"
LOCALE = "locale"
FALLBACK = "default"  # the theme whose files stand in for those that another theme does not have
_SUFFIXES = (".j2", ".mjml", ".yaml")
_LARGEST = 1024 * 1024


class TemplateFile(Struct, frozen=True, kw_only=True):
    """One file: the name that a person would open, and what it says."""

    shown: str
    text: str


class ThemeFiles(Struct, frozen=True, kw_only=True):
    """The files that count for one theme, by their name within it (`theme.mjml.j2`, `locale/en.yaml`)."""

    theme: str
    files: dict[str, TemplateFile]

    def __hash__(self) -> int:
        """By the name, as a dict has none; what is found by it is compared whole."""
        return hash(self.theme)

    def get(self, name: str, asked: Fault | None = None) -> TemplateFile:
        """The file of that name. Raises ThemeError, at `asked` when something asked for it."""
        found = self.files.get(name)
        if found is None:
            near = did_you_mean(name, (one for one in self.files if not one.startswith(LOCALE)))
            message = f"the theme has no file {name}{near}"
            place = asked or Fault(file=f"templates/{self.theme}", message="")
            raise ThemeError([Fault(file=place.file, line=place.line, message=message)])
        return found


class SourceMap(Struct, frozen=True, kw_only=True):
    """For each stretch of a text, from `starts` (line numbers, ascending, from 1), its `file` and the `line` there.

    Lines run on from the start of a stretch, unless `fixed`: then a whole stretch stands for one line.
    """

    starts: Sequence[int]
    files: Sequence[str]
    lines: Sequence[int]
    fixed: bool = False

    def find(self, line: int) -> tuple[str, int]:
        """The file and line that line `line` of the text comes from; (file, 0) when it is before the first."""
        index = bisect_right(self.starts, line) - 1
        if index < 0:
            return (self.files[0] if self.files else "template"), 0
        return self.files[index], self.lines[index] + (0 if self.fixed else line - self.starts[index])

    def at_line(self, line: int) -> str:
        """`file:line`, for a message."""
        file, found = self.find(line)
        return f"{file}:{found}" if found else file


def unlined(name: str) -> SourceMap:
    """The places of a text that is in no file of its own: a setting, by its name."""
    return SourceMap(starts=(1,), files=(name,), lines=(0,), fixed=True)


def whole(file: str, line: int = 1) -> SourceMap:
    """The places of a text that is one file, or that begins on `line` of one."""
    return SourceMap(starts=(1,), files=(file,), lines=(line,))


def builtin() -> Path:
    """The folder of the themes that came with digest: in the wheel, or at the root of a working copy."""
    package = Path(__file__).parent.parent
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent.parent / "templates"


def themes(folders: Sequence[Path]) -> list[str]:
    """The names of all themes there are."""
    found = {path.parent.name for folder in _all(folders) for path in folder.glob(f"*/{MJML}")}
    return sorted(found)


def gather(folders: Sequence[Path], theme: str) -> ThemeFiles:
    """Read the files of `theme`. Raises ThemeError when there is no such theme, or a file that is not UTF-8."""
    everywhere = _all(folders)
    if not any((folder / theme / MJML).is_file() for folder in everywhere):
        near = did_you_mean(theme, themes(folders))
        raise ThemeError([Fault(file=f"templates/{theme}", message=f"there is no theme of this name{near}")])
    files: dict[str, TemplateFile] = {}
    for part, prefix in {theme: "", LOCALE: f"{LOCALE}/", FALLBACK: ""}.items():
        for folder in everywhere:
            for path in _templates(folder / part):
                name = prefix + path.relative_to(folder / part).as_posix()
                if name not in files:
                    files[name] = read_template(path)
                elif prefix:
                    # A newsroom's words stand over ours, key by key.
                    files[f"{name}#{len(files)}"] = read_template(path)
    return ThemeFiles(theme=theme, files=files)


def _all(folders: Sequence[Path]) -> list[Path]:
    """The folders with ours at the end, each once."""
    ours = builtin()
    return [*(folder for folder in folders if folder != ours), ours]


def _templates(folder: Path) -> Iterable[Path]:
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.suffix not in _SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        if not path.is_symlink() or path.resolve().is_relative_to(root):  # folders that are links are not entered
            yield path


def read_template(path: Path) -> TemplateFile:
    """A template's text. Raises ThemeError for what is too large, no UTF-8, or two versions that git left in it."""
    shown = str(typed(path))
    data = path.read_bytes()
    if len(data) > _LARGEST:
        raise ThemeError([Fault(file=shown, message=f"has {len(data)} bytes; a template has at most {_LARGEST}")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ThemeError([Fault(file=shown, line=line, message="this is not UTF-8; save it as UTF-8")]) from None
    if ("<<<<<<< " in text or ">>>>>>> " in text) and (conflict := in_conflict(text)):
        raise ThemeError([Fault(file=shown, line=conflict[0] + 1, message=conflict[1])])
    return TemplateFile(shown=shown, text=text.replace("\r\n", "\n"))
