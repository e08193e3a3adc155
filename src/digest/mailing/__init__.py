"""One edition on its way to its readers: who they are, what they get, and how it goes.

    readers ─freeze─▶ ledger ─engine─▶ transport        `plan` says what would happen, `post` does it
    build ─keep─▶ archive/ ─▶ the frozen rendering, for every reader and every resumed run the same

This family puts rooms together, as wiring does; it decides nothing that the state table or the sender decides.
"""
