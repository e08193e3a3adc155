"""One file for a reviewer who has no digest: inbox line, the mail at three widths, its text, checks and selection.

It needs no server, no script and no network (but for images that the mail itself links). Pure.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from digest.preview.modes import ViewMode, in_mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WIDTHS = (375, 640, 1024)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: https: http:; frame-src 'self'"
_STYLE = """
:root{color-scheme:light dark;--page:#eef0f4;--sheet:#fff;--ink:#14161c;--soft:#4a4f5c;--line:#d5d9e2;--brand:#1e2dbe}
@media (prefers-color-scheme:dark){:root{--page:#101218;--sheet:#181b23;--ink:#f2f3f7;--soft:#b9bfcd;--line:#343a48;
--brand:#9db0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;
overflow-wrap:anywhere}
main{max-width:66rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1,h2{font-family:Georgia,"Times New Roman",serif;font-weight:400;line-height:1.2}
h1{font-size:2rem;margin:.25rem 0 .5rem}h2{font-size:1.35rem;margin:2.5rem 0 .5rem}
.from,.soft{color:var(--soft);margin:0}.inbox{border-top:.3rem solid var(--brand);padding-top:1rem}
fieldset{border:0;padding:0;margin:2rem 0 0}legend{padding:0;font-weight:600}
input{accent-color:var(--brand)}label{margin-inline-end:1.25rem}
iframe{display:block;height:80vh;min-height:30rem;margin:1rem auto 0;border:1px solid var(--line);background:#fff;
max-width:100%}
.mails iframe{display:none}
table{border-collapse:collapse;width:100%}th,td{text-align:start;vertical-align:top;padding:.4rem .75rem .4rem 0;
border-top:1px solid var(--line)}
pre{background:var(--sheet);padding:1rem;white-space:pre-wrap;font:.875rem/1.5 ui-monospace,monospace}
"""


def export_page(facts: Mapping[str, Any], html: str, text: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """The page. `facts` and `rows` are what the preview shows, `html` and `text` the two parts of the mail."""
    inbox, edition = facts["inbox"], facts["edition"]
    frames, choices, shown = [], [], []
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            name = f"w{width}{scheme}"
            content = in_mode(html, ViewMode(scheme="dark" if scheme == "dark" else "light"))
            checked = " checked" if (width, scheme) == (WIDTHS[1], "light") else ""
            choices.append(f'<label><input type="radio" name="view" id="{name}"{checked}> {width} px, {scheme}</label>')
            frames.append(
                f'<iframe class="{name}" title="The mail, {width} pixels wide, {scheme}" width="{width}" '
                f'sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="{escape(content)}"></iframe>'
            )
            shown.append(f"main:has(#{name}:checked) .{name}{{display:block}}")
    findings = "".join(
        f"<tr><td>{escape(each['severity'])}</td><td>{escape(each['message'])}</td><td>{escape(each['where'])}</td></tr>"
        for each in facts["findings"]
    )
    stories = "".join(
        f"<tr><td>{'in' if each['included'] else 'out'}</td><td><bdi>{escape(each['title'])}</bdi></td>"
        f"<td>{escape(each['reason'])}</td></tr>"
        for each in rows
    )
    direction = escape(edition["direction"])
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(inbox["subject"])}</title>
<style>{_STYLE}{"".join(shown)}</style></head><body><main>
<div class="inbox"><p class="from">{escape(inbox["from_name"])} &lt;{escape(inbox["from"])}&gt;</p>
<h1 dir="auto">{escape(inbox["subject"])}</h1><p class="soft" dir="auto">{escape(inbox["preheader"])}</p>
<p class="soft">{escape(edition["id"])}, made {escape(inbox["date"])}</p></div>
<fieldset><legend>The mail</legend>{"".join(choices)}</fieldset>
<div class="mails">{"".join(frames)}</div>
<h2>Plain text</h2><pre dir="{direction}" tabindex="0">{escape(text)}</pre>
<h2>Checks</h2><table><tr><th>Severity</th><th>What</th><th>Where</th></tr>{findings}</table>
<h2>Stories</h2><table><tr><th></th><th>Story</th><th>Why</th></tr>{stories}</table>
</main></body></html>
"""
