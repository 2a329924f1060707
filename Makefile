# make album · make test · make bench · make check
# Needs Python 3.11, git and the package registries; everything else is set up here.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

# make album MUSIC=~/Music/MyBand ARTIST="My Band" PHRASE="fake feelings" FOR=8h SONGS=1000
ALBUM ?= $(if $(MUSIC),my-album,demo-album)
MUSIC ?=
ARTIST ?=
PHRASE ?= fake feelings
FOR ?=
SONGS ?=

.PHONY: help album test check bench docs clean
help:
	@echo "make album   make a whole album with the built-in demo band (at most 15 minutes on two cores)"
	@echo "             or of your music: make album MUSIC=~/Music/MyBand ARTIST=\"My Band\" PHRASE=\"fake feelings\""
	@echo "             as long as you like: make album … FOR=8h SONGS=1000"
	@echo "make test    run all tests, installing what they need"
	@echo "make check   formatter, linter, types"
	@echo "make bench   every benchmark that needs no project, the quick way"
	@echo "make docs    write docs/settings.md again from the code"

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python found: install Python 3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is too old: install Python 3.11, or say make PYTHON=…"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.ready-for-tests: $(VENV)/.installed scripts/ready_for_tests.sh
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	bash scripts/ready_for_tests.sh
	@touch $@

album: $(VENV)/.installed
	$(BIN)/neuralbum demo "$(ALBUM)" $(if $(MUSIC),--music "$(MUSIC)") $(if $(ARTIST),--artist "$(ARTIST)") --phrase "$(PHRASE)" $(if $(FOR),--for $(FOR)) $(if $(SONGS),--songs $(SONGS))

test: $(VENV)/.ready-for-tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=
	@echo "branch coverage in per cent (the whole table: $(BIN)/coverage report): $$($(BIN)/coverage report -i --format=total)"

check: $(VENV)/.ready-for-tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.ready-for-tests
	@for script in $$(ls benchmarks/*.py | grep -v -e report.py -e music.py -e abx.py); do echo "== $$script"; $(BIN)/python $$script --quick || exit 1; done

docs: $(VENV)/.installed
	$(BIN)/python scripts/settings_page.py

clean:
	rm -rf $(VENV) demo-album .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
