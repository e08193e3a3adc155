"""`python -m digest`: the command line, where no program `digest` is on the path."""

from digest.cli import main

if __name__ == "__main__":
    main()
