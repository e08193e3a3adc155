"""Who does the sending: `local` with threads in this process. The ledger keeps the promise, whoever does it."""
