"""An issue file with every kind of block, in our own words, and a newsroom to build it in."""

from __future__ import annotations

EVERY_BLOCK = """\
subject: "Beans, {{ braces }} and contracts"
preheader: A letter, a number, and what comes in March
intro: Twelve stories, and [one more thing](https://example.org/more?utm_source=mail).
blocks:
  - kind: letter
    text: |-
      A contract is a piece of paper until somebody can read it aloud in a kitchen. This month’s stories are about that
      distance, between [what is signed](https://example.org/signed) and what is lived.

      We begin in the highlands.
    title: Read aloud
    name: Noor Haddad
    role: Editor
    portrait: images/portrait.png
  - kind: notice
    label: correction
    text: January’s digest gave the wrong year for the [safety convention](https://example.org/c155). It is 1981.
    link: https://example.org/corrections
    link_text: See what changed
  - kind: number
    title: Number of the month
    figure: 160 million
    text: "children were at work at the last count: almost one in ten, and the first rise in twenty years."
    source: Global estimates
    link: https://example.org/estimates
  - kind: quote
    text: Nobody asked us what time the last bus leaves. So we wrote it into the agreement.
    name: Mariam Okello
    role: Shop steward, night shift
    portrait: https://example.org/images/okello.jpg
    link: https://example.org/interview
    after: story-2
  - kind: image
    image: https://example.org/images/garage.jpg
    alt: A motorcycle on its stand in a small garage
    caption: "Repair is a trade: a garage that trains its own mechanics."
    credit: © Middlebury
    link: https://example.org/film
    link_text: Watch the film (3 minutes)
  - kind: heading
    title: From the calendar
  - kind: events
    title: Coming up
    events:
      - date: 2022-03-17
        title: "Press briefing: employment outlook"
        time: "11:00"
        place: Press room III, Geneva
        link: https://example.org/briefing
      - date: 2022-03-08
        title: "Women at work: ten years of figures"
        time: 14:00 Geneva time
        place: online
  - kind: links
    title: Also in the news
    links:
      - title: Why nurses leave, and what brings them back
        link: https://example.org/nurses
        source: The Lakeside Post
      - title: "New handbook: inspecting homes as workplaces (PDF, 2 MB)"
        link: https://example.org/handbook
  - kind: sponsor
    name: Harbour Books
    title: A short history of the weekend
    text: How two days became *everyone’s*. Readers of this digest pay half until the end of March.
    link: https://example.org/weekend?utm_source=digest&edition=2
    link_text: Look inside the book
    image: images/book.png
    alt: The book’s cover, a calendar with two red days
  - kind: divider
  - kind: button
    title: Tell us what to look into
    text: Four questions, two minutes, no name needed.
    label: Answer the survey
    link: https://example.org/survey
"""
CONFIG = """\
newsroom:
  name: Workbench
  contact: newsroom@example.org
  from: digest@example.org
  timezone: Europe/Zurich
  url: https://example.org/
  postal_address: 4 Lake Road, Geneva
audiences:
  everyone: {title: Monthly digest, languages: [en, ar]}
theme: {layout: auto}
"""


def newsroom(root, picture, *, languages=("en", "ar"), stories=12):
    """A newsroom in `root` with that many stories in each language."""
    files = {"config.yaml": CONFIG, "images/portrait.png": picture, "images/book.png": picture}
    for language in languages:
        for number in range(1, stories + 1):
            name = f"story-{number}" if language == "en" else f"{language}-{number}"
            files[f"stories/{name}.md"] = (
                f"---\ntitle: {'Couriers and their bikes' if language == 'en' else 'عمال التوصيل'} {number}\n"
                f"date: 2022-02-{28 - number:02}\nkicker: Explainer\nlanguage: {language}\n"
                f"link: https://example.org/{language}/{number}\n"
                + (f"translation_of: story-{number}\n" if language != "en" else "")
                + "---\n\nWho pays when the bike breaks down? Three cities, three answers.\n"
            )
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root
