"""The record of what was sent to whom: tables, opening, claims, events, and what `status` shows.

On SQLite or PostgreSQL; `opening.open_ledger` is the way in. Importing this package loads no database library.
"""
