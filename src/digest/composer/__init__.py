"""The room that composes: a theme compiled once, then filled with a selection of stories.

    options ─▶ load_theme() ─▶ Theme ─┐
    Selection, profile, Audience ─────┴▶ compose() ─▶ Rendering (subject, preheader, HTML, text, findings)

Nothing here sends, and nothing here fetches: images come through a callable, and links are only read.
"""
