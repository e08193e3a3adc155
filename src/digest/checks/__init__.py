"""Findings over stories, renderings and mails: a dict of named checks, offline unless the network is asked for.

`digest.checks.registry` is the door: `CHECKS`, `run`, `Policy`, `explain`. A check gets values and yields what it
found; it never opens a file, and reaches the network only through the callables it was handed, when it is asked to.
"""
