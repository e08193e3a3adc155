"""The command line: argv in, one call, printed result and exit code out. It holds no logic of its own."""

from digest.cli.app import main

__all__ = ["main"]
