"""MJML 4's elements as data: what may stand in what, which attributes each takes, and what their values look like.

Facts of the MJML 4 documentation, in our own words. The lint reads this table; mrml, which compiles, checks none of it.
A value's kind is one of: `text`, `colour`, `px` (`20px`), `size` (`20px`, `50%`), `sizes` (one to four of them),
`number`, `line` (`20px`, `120%`, `1.4`), `spacing` (`-1px`, `0.1em`), `url`, or a set of words joined by `|`.
"""

from __future__ import annotations

from msgspec import Struct, field


class ElementRule(Struct, frozen=True, kw_only=True):
    """One element. `children` are tags; `content` says that HTML stands inside, which the lint leaves alone.

    `computed` are attributes from which MJML works out widths: a template's value would come too late for them.
    """

    attributes: dict[str, str] = field(default_factory=dict)
    children: frozenset[str] = frozenset()
    content: bool = False
    required: tuple[str, ...] = ()
    computed: frozenset[str] = frozenset()


def _attributes(*groups: dict[str, str], **more: str) -> dict[str, str]:
    merged: dict[str, str] = {}
    for group in groups:
        merged |= group
    return merged | {name.replace("_", "-"): kind for name, kind in more.items()}


def _sides(name: str, kind: str) -> dict[str, str]:
    return {f"{name}-{side}": kind for side in ("top", "right", "bottom", "left")}


_PADDING = {"padding": "sizes", **_sides("padding", "size")}
_INNER_PADDING = {"inner-padding": "sizes", **_sides("inner-padding", "size")}
_BORDER = {"border": "text", **_sides("border", "text"), "border-radius": "sizes"}
_INNER_BORDER = {"inner-border": "text", **_sides("inner-border", "text"), "inner-border-radius": "sizes"}
_BACKGROUND = {
    "background-color": "colour",
    "background-url": "url",
    "background-repeat": "repeat|no-repeat",
    "background-size": "text",
    "background-position": "text",
    "background-position-x": "text",
    "background-position-y": "text",
}
_FONT = {
    "font-family": "text",
    "font-size": "px",
    "font-style": "text",
    "font-weight": "text",
    "letter-spacing": "spacing",
    "line-height": "line",
    "text-decoration": "text",
    "text-transform": "text",
}
_LINK = {"href": "url", "name": "text", "rel": "text", "target": "text", "title": "text"}
_ALIGN = "left|center|right"
_VERTICAL = "top|middle|bottom"
_BOX = {"container-background-color": "colour", **_PADDING}
_WIDTHS = frozenset({"width", "border", "border-left", "border-right", "padding", "padding-left", "padding-right"})

_SECTION = _attributes(
    _BACKGROUND,
    _BORDER,
    _PADDING,
    direction="ltr|rtl",
    full_width="full-width|false",
    text_align=_ALIGN,
    text_padding="sizes",
)
_ACCORDION = _attributes(
    border="text",
    font_family="text",
    icon_align=_VERTICAL,
    icon_height="size",
    icon_position="left|right",
    icon_unwrapped_alt="text",
    icon_unwrapped_url="url",
    icon_width="size",
    icon_wrapped_alt="text",
    icon_wrapped_url="url",
)
_IN_COLUMN = frozenset(
    (
        "mj-accordion",
        "mj-button",
        "mj-carousel",
        "mj-divider",
        "mj-image",
        "mj-navbar",
        "mj-raw",
        "mj-social",
        "mj-spacer",
        "mj-table",
        "mj-text",
    )
)
_HEAD = frozenset(
    (
        "mj-attributes",
        "mj-breakpoint",
        "mj-font",
        "mj-html-attributes",
        "mj-include",
        "mj-preview",
        "mj-raw",
        "mj-style",
        "mj-title",
    )
)

EVERYWHERE = {"css-class": "text", "mj-class": "text"}

ELEMENTS: dict[str, ElementRule] = {
    "mjml": ElementRule(
        attributes={"owa": "desktop", "lang": "text", "dir": "ltr|rtl|auto"},
        children=frozenset({"mj-head", "mj-body", "mj-include", "mj-raw"}),
    ),
    "mj-head": ElementRule(children=_HEAD),
    "mj-body": ElementRule(
        attributes={"width": "px", "background-color": "colour"},
        children=frozenset({"mj-hero", "mj-include", "mj-raw", "mj-section", "mj-wrapper"}),
        computed=frozenset({"width"}),
    ),
    "mj-include": ElementRule(attributes={"path": "text", "type": "mjml"}, required=("path",)),
    "mj-attributes": ElementRule(),  # its children are elements with other rules: see the lint
    "mj-breakpoint": ElementRule(attributes={"width": "px"}, required=("width",), computed=frozenset({"width"})),
    "mj-font": ElementRule(attributes={"name": "text", "href": "url"}, required=("name", "href")),
    "mj-html-attributes": ElementRule(children=frozenset({"mj-selector"})),
    "mj-selector": ElementRule(
        attributes={"path": "text"}, children=frozenset({"mj-html-attribute"}), required=("path",)
    ),
    "mj-html-attribute": ElementRule(attributes={"name": "text"}, content=True, required=("name",)),
    "mj-preview": ElementRule(content=True),
    "mj-style": ElementRule(attributes={"inline": "inline"}, content=True),
    "mj-title": ElementRule(content=True),
    "mj-raw": ElementRule(attributes={"position": "file-start"}, content=True),
    "mj-wrapper": ElementRule(
        attributes=_SECTION | {"gap": "px"},
        children=frozenset({"mj-hero", "mj-include", "mj-raw", "mj-section"}),
        computed=_WIDTHS,
    ),
    "mj-section": ElementRule(
        attributes=_SECTION,
        children=frozenset({"mj-column", "mj-group", "mj-include", "mj-raw"}),
        computed=_WIDTHS,
    ),
    "mj-group": ElementRule(
        attributes={"background-color": "colour", "direction": "ltr|rtl", "vertical-align": _VERTICAL, "width": "size"},
        children=frozenset({"mj-column", "mj-include", "mj-raw"}),
        computed=_WIDTHS,
    ),
    "mj-column": ElementRule(
        attributes=_attributes(
            _BORDER,
            _INNER_BORDER,
            _PADDING,
            background_color="colour",
            inner_background_color="colour",
            direction="ltr|rtl",
            vertical_align=_VERTICAL,
            width="size",
        ),
        children=_IN_COLUMN | {"mj-include"},
        computed=_WIDTHS,
    ),
    "mj-hero": ElementRule(
        attributes=_attributes(
            _BACKGROUND,
            _PADDING,
            _INNER_PADDING,
            mode="fixed-height|fluid-height",
            height="size",
            background_width="size",
            background_height="size",
            border_radius="sizes",
            container_background_color="colour",
            inner_background_color="colour",
            vertical_align=_VERTICAL,
        ),
        children=_IN_COLUMN | {"mj-include"},
        computed=_WIDTHS,
    ),
    "mj-text": ElementRule(
        attributes=_attributes(
            _BOX, _FONT, align="left|right|center|justify", color="colour", height="size", vertical_align=_VERTICAL
        ),
        content=True,
    ),
    "mj-image": ElementRule(
        attributes=_attributes(
            _BORDER,
            _BOX,
            _LINK,
            align=_ALIGN,
            alt="text",
            fluid_on_mobile="true|false",
            font_size="px",
            height="text",
            max_height="size",
            sizes="text",
            src="url",
            srcset="text",
            usemap="text",
            width="px",
        ),
        required=("alt",),
        computed=_WIDTHS,
    ),
    "mj-button": ElementRule(
        attributes=_attributes(
            _BORDER,
            _BOX,
            _FONT,
            _LINK,
            align=_ALIGN,
            background_color="colour",
            color="colour",
            height="size",
            inner_padding="sizes",
            text_align=_ALIGN,
            vertical_align=_VERTICAL,
            width="size",
        ),
        content=True,
        computed=frozenset({"width", "inner-padding"}),
    ),
    "mj-divider": ElementRule(
        attributes=_attributes(
            _BOX, align=_ALIGN, border_color="colour", border_style="text", border_width="px", width="size"
        ),
        computed=_WIDTHS,
    ),
    "mj-spacer": ElementRule(attributes=_attributes(_BORDER, _BOX, height="size")),
    "mj-table": ElementRule(
        attributes=_attributes(
            _BOX,
            _FONT,
            align=_ALIGN,
            border="text",
            cellpadding="number",
            cellspacing="number",
            color="colour",
            role="none|presentation",
            table_layout="auto|fixed|initial|inherit",
            vertical_align=_VERTICAL,
            width="size",
        ),
        content=True,
        computed=_WIDTHS,
    ),
    "mj-navbar": ElementRule(
        attributes=_attributes(
            _PADDING,
            {f"ico-{name}": kind for name, kind in {**_FONT, **_PADDING, "color": "colour", "align": _ALIGN}.items()},
            align=_ALIGN,
            base_url="url",
            hamburger="text",
            ico_open="text",
            ico_close="text",
        ),
        children=frozenset({"mj-navbar-link", "mj-raw"}),
    ),
    "mj-navbar-link": ElementRule(attributes=_attributes(_FONT, _LINK, _PADDING, color="colour"), content=True),
    "mj-social": ElementRule(
        attributes=_attributes(
            _BOX,
            _FONT,
            _INNER_PADDING,
            align=_ALIGN,
            border_radius="sizes",
            color="colour",
            icon_height="size",
            icon_padding="sizes",
            icon_size="size",
            mode="horizontal|vertical",
            table_layout="auto|fixed",
            text_padding="sizes",
        ),
        children=frozenset({"mj-social-element", "mj-raw"}),
        computed=_WIDTHS,
    ),
    "mj-social-element": ElementRule(
        attributes=_attributes(
            _FONT,
            _LINK,
            _PADDING,
            align=_ALIGN,
            alt="text",
            background_color="colour",
            border_radius="sizes",
            color="colour",
            icon_height="size",
            icon_padding="sizes",
            icon_position="left|right",
            icon_size="size",
            sizes="text",
            src="url",
            srcset="text",
            text_padding="sizes",
            vertical_align=_VERTICAL,
        ),
        content=True,
    ),
    "mj-accordion": ElementRule(
        attributes=_attributes(
            _BOX,
            _ACCORDION,
        ),
        children=frozenset({"mj-accordion-element", "mj-raw"}),
    ),
    "mj-accordion-element": ElementRule(
        attributes=_attributes(
            _ACCORDION,
            background_color="colour",
        ),
        children=frozenset({"mj-accordion-title", "mj-accordion-text", "mj-raw"}),
    ),
    "mj-accordion-title": ElementRule(
        attributes=_attributes(_PADDING, _FONT, background_color="colour", color="colour"), content=True
    ),
    "mj-accordion-text": ElementRule(
        attributes=_attributes(_PADDING, _FONT, background_color="colour", color="colour"), content=True
    ),
    "mj-carousel": ElementRule(
        attributes=_attributes(
            _PADDING,
            align=_ALIGN,
            border_radius="sizes",
            container_background_color="colour",
            icon_width="size",
            left_icon="url",
            right_icon="url",
            tb_border="text",
            tb_border_radius="sizes",
            tb_hover_border_color="colour",
            tb_selected_border_color="colour",
            tb_width="size",
            thumbnails="visible|hidden",
        ),
        children=frozenset({"mj-carousel-image", "mj-raw"}),
        computed=_WIDTHS,
    ),
    "mj-carousel-image": ElementRule(
        attributes=_attributes(
            _LINK,
            alt="text",
            border_radius="sizes",
            src="url",
            tb_border="text",
            tb_border_radius="sizes",
            thumbnails_src="url",
        ),
        required=("alt",),
    ),
}
