"""Editions that go out by themselves: what is due, doing it, remembering it, and telling the newsroom.

    config.yaml ─due(journal, now)─▶ what goes, what is held and why ─task─▶ sent, recorded ─notices, hooks─▶ people

`due` decides and `scheduler` carries out. The ledger stays the truth about readers: this room only remembers which
edition is settled and who was told, so losing its record can never mail anybody twice.
"""
