"""What axe-core finds wrong with a page: its violations and nothing else, each with the places that it is about.

axe-playwright's own `Axe.run` hands back everything that was examined and passed, too: for a page of some hundred
elements that is a megabyte, and reading it takes longer than the examination.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

EXAMINE = """async (options) => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'], ...options });
  return JSON.stringify(violations.map(({ id, help, nodes }) =>
    [id, help, nodes.map(({ target, html }) => [target.join(' '), html.slice(0, 200)])]));
}"""


def violations(page: Page, **options: Any) -> list[tuple[str, str, str]]:
    """The rules that the page breaks: of each its name, what it asks for, and where; `options` are those of axe.run."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    return [
        (rule, help_, "; ".join(f"{target} ({html})" for target, html in nodes[:3]))
        for rule, help_, nodes in json.loads(page.evaluate(EXAMINE, options))
    ]
