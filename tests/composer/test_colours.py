"""Contrast is computed, and a brand colour that cannot be read is adjusted, not used."""

from __future__ import annotations

import pytest
from composer_samples import theme
from hypothesis import given
from hypothesis import strategies as st

from digest.composer.files import gather
from digest.composer.options import ThemeOptions
from digest.composer.settings import colours as palette_of
from digest.errors import ThemeError
from digest.text.colour import READABLE, contrast, ink_on, lightness, luminance, mix, readable, rgb, softer

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_that_of_wcag():
    """Black on white has 21, a colour on itself 1, and #767676 is the lightest grey that can be read on white."""
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#1e2dbe", "#1e2dbe") == pytest.approx(1)
    assert contrast("#767676", "#ffffff") >= READABLE > contrast("#777777", "#ffffff")


def test_words_for_colours_are_refused():
    """Only hex colours are taken, and the message shows how to write one."""
    with pytest.raises(ValueError, match="#1e2dbe"):
        rgb("navy")


@given(colours)
def test_something_can_be_written_on_every_brand(brand):
    """Whatever the brand, the ink chosen for it and its softer shade can be read."""
    ink = ink_on(brand)
    assert contrast(ink, brand) >= READABLE
    assert contrast(softer(ink, brand), brand) >= READABLE


@given(colours, st.sampled_from([("#ffffff", "#eef0f4"), ("#181b23", "#101218")]))
def test_an_accent_can_be_read_on_the_sheet(brand, grounds):
    """Every hue has a shade that can be read on a light and on a dark sheet, and a good one is left alone."""
    shade = readable(brand, grounds)
    assert all(contrast(shade, ground) >= READABLE for ground in grounds)
    if all(contrast(brand, ground) >= READABLE for ground in grounds):
        assert shade == brand


@given(colours, colours, st.floats(0, 1))
def test_mixing_stays_between(one, other, share):
    """Each channel of a mixture lies between those of its parts."""
    for low, middle, high in zip(rgb(one), rgb(mix(one, other, share)), rgb(other), strict=True):
        assert min(low, high) - 0.003 <= middle <= max(low, high) + 0.003


def test_lightness_keeps_the_ends():
    """Lightness 0 is black and 1 is white, whatever the hue."""
    assert (lightness("#1e2dbe", 0), lightness("#1e2dbe", 1)) == ("#000000", "#ffffff")


def test_a_pale_brand_is_darkened_where_it_is_small_text_and_said():
    """A yellow band keeps its yellow; kickers and links get a shade that can be read, and a note says so."""
    made = theme(ThemeOptions(brand="#ffd400"))
    assert made.constants["band"] == "#ffd400"
    assert contrast(made.constants["accent"], "#ffffff") >= READABLE
    assert "#ffd400 cannot be read on #ffffff" in made.notes[0]


@given(colours, colours | st.just("#000000"))
def test_any_brand_can_be_read_wherever_the_theme_writes_with_it(brand, brand_dark):
    """No colour of config.yaml is refused for a ground that is ours: a button's, a list of contents'."""
    for name in ("default", "quiet"):
        _, notes = palette_of(gather([], name), ThemeOptions(brand=brand, brand_dark=brand_dark))
        assert all("cannot be read on #" in note for note in notes)


@given(colours)
def test_the_line_under_a_headline_can_be_seen_whatever_the_brand(brand):
    """It is lighter than the accent, where the accent leaves room, and never below 3 to 1 in either scheme."""
    palette, _ = palette_of(gather([], "default"), ThemeOptions(brand=brand))
    for scheme, bright in (("", max), ("_dark", min)):
        grounds = [palette[f"{name}{scheme}"] for name in ("sheet", "page", "tint")]
        line, accent = palette[f"underline{scheme}"], palette[f"accent{scheme}"]
        assert all(contrast(line, ground) >= 3 for ground in grounds)
        assert bright(luminance(line), luminance(accent)) == pytest.approx(luminance(line), abs=0.01)
        assert contrast(palette[f"on_accent{scheme}"], accent) >= READABLE


def test_grounds_on_which_no_brand_can_be_read_are_named(tmp_path):
    """A sheet that is dark by day on a page that is light is one line with the file's, whatever the brand."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "theme.yaml").write_text(
        'colors:\n  ink: ["#777777", "#777777"]\n  page: ["#ffffff", "#000000"]\n  sheet: ["#444444", "#444444"]\n'
    )
    (folder / "theme.mjml.j2").write_text("<mjml></mjml>")
    with pytest.raises(
        ThemeError, match=r"theme.yaml:1: colors: no shade of #1e2dbe can be read on #444444 and #ffffff"
    ):
        palette_of(gather([tmp_path], "mine"), ThemeOptions())


def test_a_band_may_have_a_colour_of_its_own():
    """masthead_color is the band alone; kickers and links keep the brand, and what stands on the band can be read."""
    made = theme(ThemeOptions(masthead_color="#ffd400")).constants
    assert (made["band"], made["accent"]) == ("#ffd400", "#1e2dbe")
    assert contrast(made["on_band"], made["band"]) >= READABLE


def test_the_house_blue_is_used_as_it_is():
    """The default brand needs no adjusting."""
    assert theme().notes == ()
    assert theme().constants["accent"] == "#1e2dbe"


def test_every_bad_option_is_named():
    """Each option that cannot be used is said with its key, all at once; fonts cannot smuggle CSS in."""
    bad = ThemeOptions(
        layout="wide",  # type: ignore[arg-type]
        masthead_color="navy",
        name="../etc",
        brand="navy",
        heading_font="x; } body { display:none",
        logo="javascript:x",
        size_limit=1,
    )
    assert [key for key, _ in bad.faults()] == [
        "name",
        "brand",
        "masthead_color",
        "layout",
        "heading_font",
        "logo",
        "size_limit",
    ]
    assert ThemeOptions().faults() == ()
