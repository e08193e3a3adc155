"""The page in which an editor sees what readers will get: served on this machine, live, and kept to itself.

    stories, theme, config ─state─▶ ShownEdition(build, errors) ─serialize─▶ JSON ─static/*.js─▶ the page; the mail in a
    sandbox

It shows, and writes when asked: a story's file, the issue's file, a picture, an import, an approval, a test mail. Files
only over what was read, each with its undo (saves). It mails no reader: that is what `digest run` and `send` are for.
"""
