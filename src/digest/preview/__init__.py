"""The page in which an editor sees what readers will get: served on this machine, live, and kept to itself.

    stories, theme, config ─state─▶ ShownEdition(build, errors) ─serialize─▶ JSON ─static/*.js─▶ the page; the mail in a
    sandbox

It shows, and writes three things when asked: the period's overrides file, an approval, and a test mail.
"""
