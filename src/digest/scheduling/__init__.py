"""Editions that go out by themselves: what is due, by a record of what was done; doing it; and telling the newsroom.

    config.yaml ─rules─▶ Rules ─agenda(journal, ledger, now)─▶ what goes, what is held and why ─errand─▶ sent, recorded
                                                                                    └─notices, hooks─▶ people, programs

`agenda` decides and `running` carries out. The ledger stays the truth about readers: this room only remembers which
edition is settled and who was told, so losing its record can never mail anybody twice.
"""
