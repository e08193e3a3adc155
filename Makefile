# The tasks of who works on digest: `make` lists them. They use the project's own .venv; `make setup` makes it.
PYTHON = .venv/bin/python

help:                  ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/'

setup:                 ## .venv with all that the other tasks need
	python3 -m venv .venv
	.venv/bin/pip install -c constraints.txt -e '.[dev]'

lint:                  ## formatting, lint, types, layers: seconds
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test:                  ## all tests; one room: .venv/bin/pytest tests/mail
	.venv/bin/pytest

reference:             ## the pages of docs/ that are made from the program
	$(PYTHON) docs/verbs.py
	$(PYTHON) docs/schemas.py
	$(PYTHON) docs/issue_files.py
	$(PYTHON) docs/reference.py

pictures:              ## the pictures of docs/, in Chromium
	$(PYTHON) docs/screenshots.py

site:                  ## the site of docs/, into site/; to read while writing: .venv/bin/mkdocs serve
	.venv/bin/mkdocs build --strict

pins:                  ## constraints.txt anew, on the newest versions
	$(PYTHON) tools/pins.py newest

ci:                    ## what must hold before a change lands, from a fresh clone
	.ci/run

.PHONY: help setup lint test reference pictures site pins ci
