"""Read a theme's theme.yaml: its colours in both schemes, which must be told apart from which; and its catalogues.

    theme.yaml + the brand's shades ─▶ every colour by name │ ThemeError naming the pair that cannot be read

It decides no look; it only refuses what readers could not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.composer.files import LOCALE, SETTINGS, TemplateFile, ThemeFiles
from digest.composer.i18n import DEFAULT, PLACE, PLURALS, Catalogue
from digest.errors import Fault, ThemeError
from digest.text.colour import READABLE, contrast, ink_on, is_colour, lightness, lightness_of, mix, readable, softer
from digest.yamlfile import Document, did_you_mean, parse

if TYPE_CHECKING:
    from digest.composer.options import ThemeOptions

_KEYS = ("colors", "contrast")
_SCHEMES = 2  # light and dark
_BAND_AT_NIGHT = 0.42  # of the brand's lightness
_AT_NIGHT = {"#1e2dbe": "#9db0ff"}  # the house blue's accent was chosen by eye
# Under a headline: lighter than the accent, so that bold serif stays calm where a client draws thick lines. Nothing
# that says "link" is below 3 (WCAG 2.2, 1.4.11); thin light lines on a dark ground want more.
_UNDERLINED = {"": 3.0, "_dark": 4.5}
_FAINTEST = 60  # per cent of the sheet
_CLEAR = 7.0  # the accent in dark mode: small text on a dark sheet wants more than the least contrast


def colours(files: ThemeFiles, options: ThemeOptions) -> tuple[dict[str, str], list[str]]:
    """Every colour of the theme by name (`ink`, and `ink_dark` for dark mode), and notes on what was adjusted."""
    settings = files.get(SETTINGS)
    document = parse(settings.text, settings.shown)
    faults = [*document.faults, *document.cut_texts(lambda _: True)]
    faults += [
        document.fault((key,), f"is not read{near}")
        for key in document.data
        if key not in _KEYS and (near := did_you_mean(key, _KEYS)).startswith(",")  # others may be a person's own
    ]
    palette: dict[str, str] = {}
    named = document.data.get("colors", {})
    for name, pair in named.items() if isinstance(named, dict) else ():
        values = pair if isinstance(pair, list) else [pair, pair]
        if len(values) != _SCHEMES or not all(isinstance(value, str) and is_colour(value) for value in values):
            message = 'give two colours, for light and for dark: ["#14161c", "#f2f3f7"]'
            faults.append(document.fault(("colors", name), message))
            continue
        palette[name], palette[f"{name}_dark"] = values
    faults += [
        document.fault((), f"colors.{name} is missing; a theme has at least ink, page and sheet")
        for name in ("ink", "page", "sheet")
        if name not in palette
    ]
    if faults:
        raise ThemeError(faults)
    try:
        notes = _brand(palette, options, _under_accent(document, palette))
    except ValueError as error:
        raise ThemeError([document.fault(("colors",), str(error))]) from None
    faults = _unreadable(document, palette)
    if faults:
        raise ThemeError(faults)
    return palette, notes


def _under_accent(document: Document, palette: dict[str, str]) -> tuple[str, ...]:
    """On which of the theme's own colours the accent is written."""
    pairs = document.data.get("contrast", [])
    inks = (str(pair).partition(" on ") for pair in (pairs if isinstance(pairs, list) else []))
    listed = (ground for ink, _, ground in inks if ink == "accent" and ground in palette)
    return tuple(dict.fromkeys(("sheet", "page", *listed)))


def _brand(palette: dict[str, str], options: ThemeOptions, under: tuple[str, ...]) -> list[str]:
    """Add the shades of the brand: `band` and what is written on it, and `accent` for small text and links.

    The accent is written on the colours named in `under`. Raises ValueError where no shade can be read on all of them.
    """
    notes = []
    band = options.masthead_color or options.brand
    palette["band"], palette["band_dark"] = band, _night(band)
    for scheme in ("", "_dark"):
        band = palette[f"band{scheme}"]
        palette[f"on_band{scheme}"] = ink_on(band)
        palette[f"on_band_soft{scheme}"] = softer(palette[f"on_band{scheme}"], band)
    grounds = [palette[name] for name in under]
    palette["accent"] = readable(options.brand, grounds)
    if palette["accent"] != options.brand:
        notes.append(
            f"theme.brand: {options.brand} cannot be read on {_first_unread(options.brand, grounds)}; "
            f"kickers and links use {palette['accent']}"
        )
    grounds = [palette[f"{name}_dark"] for name in under]
    wanted = options.brand_dark or _AT_NIGHT.get(options.brand) or readable(options.brand, grounds[:2], _CLEAR)
    palette["accent_dark"] = readable(wanted, grounds)
    if options.brand_dark and palette["accent_dark"] != options.brand_dark:
        notes.append(
            f"theme.brand_dark: {options.brand_dark} cannot be read on {_first_unread(options.brand_dark, grounds)}; "
            f"dark mode uses {palette['accent_dark']}"
        )
    for scheme, least in _UNDERLINED.items():
        accent = palette[f"accent{scheme}"]
        grounds = [palette[f"{name}{scheme}"] for name in ("sheet", "page", "tint") if f"{name}{scheme}" in palette]
        palette.setdefault(f"underline{scheme}", _lighter(accent, grounds, least))
        palette.setdefault(f"on_accent{scheme}", ink_on(accent))
    return notes


def _first_unread(colour: str, grounds: list[str]) -> str:
    return next(ground for ground in grounds if contrast(colour, ground) < READABLE)


def _lighter(accent: str, grounds: list[str], least: float) -> str:
    """The accent with as much of the sheet in it as leaves it `least` on all grounds; itself where it has no more."""
    shades = (mix(accent, grounds[0], share / 100) for share in range(_FAINTEST, 0, -1))
    return next((shade for shade in shades if min(contrast(shade, ground) for ground in grounds) >= least), accent)


def _night(brand: str) -> str:
    """The band after dark: the brand, deep enough not to glare."""
    return lightness(brand, min(lightness_of(brand), 0.5) * _BAND_AT_NIGHT)


def _unreadable(document: Document, palette: dict[str, str]) -> list[Fault]:
    faults = []
    pairs = document.data.get("contrast", [])
    for index, pair in enumerate(pairs if isinstance(pairs, list) else []):
        ink, _, ground = str(pair).partition(" on ")
        faults += [
            document.fault(("contrast", index), f"{name!r} is no colour{did_you_mean(name, palette)}")
            for name in (ink, ground)
            if name not in palette
        ]
        if ink not in palette or ground not in palette:
            continue
        for scheme in ("", "_dark"):
            one, other = palette[ink + scheme], palette[ground + scheme]
            if (ratio := contrast(one, other)) < READABLE:
                message = f"{one} on {other} has a contrast of {ratio:.1f}; {READABLE} is the least that can be read"
                faults.append(document.fault(("contrast", index), f"{ink}{scheme} on {ground}{scheme}: {message}"))
    return faults


def catalogues(files: ThemeFiles) -> dict[str, Catalogue]:
    """The words of every language, by tag; a newsroom's own file is laid over ours. Raises ThemeError."""
    found: dict[str, Catalogue] = {}
    known: Catalogue = {}
    faults: list[Fault] = []
    for name, file in reversed(files.files.items()):
        if not name.startswith(f"{LOCALE}/"):
            continue
        language = name.split("#")[0].removeprefix(f"{LOCALE}/").removesuffix(".yaml").lower()
        words, wrong = _catalogue(file)
        faults += wrong
        found[language] = found.get(language, {}) | words
        if language == DEFAULT:
            known = known or words  # ours, which comes first here
    for name, file in files.files.items():
        if name.startswith(f"{LOCALE}/"):
            document = parse(file.text, file.shown)
            for key, value in document.data.items():
                if key not in known:
                    faults.append(document.fault((key,), f"is no word of the themes{did_you_mean(key, known)}"))
                elif unknown := _places(value) - (places := _places(known[key])):
                    near = did_you_mean(min(unknown), places)
                    faults.append(document.fault((key,), f"{{{min(unknown)}}} stands for nothing here{near}"))
    if faults:
        raise ThemeError(faults)
    return found


def _places(words: object) -> set[str]:
    """The names in braces that a word's text has, or any of its plural forms."""
    texts = words.values() if isinstance(words, dict) else [words]
    return {name for text in texts for name in PLACE.findall(str(text))}


def _catalogue(file: TemplateFile) -> tuple[Catalogue, list[Fault]]:
    document = parse(file.text, file.shown)
    faults = [*document.faults, *document.cut_texts(lambda _: True)]
    for key, value in document.data.items():
        if isinstance(value, dict):
            if "other" not in value or not set(value) <= set(PLURALS):
                message = f"plural forms are {', '.join(PLURALS)}; other is always needed"
                faults.append(document.fault((key,), message))
        elif not isinstance(value, str):
            faults.append(document.fault((key,), "expected one text here, or plural forms"))
    return document.data, faults
