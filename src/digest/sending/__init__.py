"""One edition on its way to its readers: plan, freeze, and the run over the ledger until each is settled.

readers ─freeze─▶ ledger ─send─▶ transport        `plan_send` says what would happen; a run does it
  build ─keep─▶ archive/ ─▶ the frozen rendering, for every reader and every resumed run the same
"""
