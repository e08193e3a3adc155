"""Open a newsroom: its config in, and out come the parts with which its editions are made and sent.

    config.yaml ─▶ Config ─▶ Newsroom ─┬▶ theme, checks, pictures: what editions are made with
                                       └▶ lists, relay, key, ledger: what they are sent with

It decides nothing about stories or mails; it opens files where it must and hands what it read to the rooms that decide.
"""
