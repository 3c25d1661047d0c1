# `make demo` and `make test` do all set-up themselves; the rest is for working on the code.

# The first of these that runs and is new enough; any other: make demo PYTHON=/path/to/python
PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,$(shell \
  $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))

VENV := .venv
RUN := $(VENV)/bin/python
DEMO := $(VENV)/.installed-demo
DEV := $(VENV)/.installed-dev

# Two targets named at once (`make -j demo test`) must not install into one environment together.
.NOTPARALLEL:
.PHONY: help demo test lint types docs format clean

help:
	@echo 'make demo    answer the question for the built-in digits; report and picture in synthmix-demo/'
	@echo 'make test    the whole suite, on every core (SYNTHMIX_DATA_DIR=... adds the tests on real data)'
	@echo 'make lint    ruff: rules and format        make format  let ruff rewrite the files'
	@echo 'make types   pyright on the package        make docs    the documentation, into site/'
	@echo 'make clean   remove everything these made, the environment included'
	@echo 'Each prepares its environment ($(VENV)) on the first run.'

demo: $(DEMO)
	@$(RUN) -m synthmix_jax recommend --out synthmix-demo

# A file stays on one worker: what its fixtures made and its programs compiled would else be made twice.
test: $(DEV)
	@$(RUN) -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(DEV)
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check

format: $(DEV)
	@$(RUN) -m ruff check --fix
	@$(RUN) -m ruff format

types: $(DEV)
	@$(RUN) -m pyright --pythonpath $(RUN)

# The variable turns off the theme's notice about a future MkDocs, which says nothing about this site.
docs: $(DEV)
	@NO_MKDOCS_2_WARNING=true $(RUN) -m mkdocs build --strict --quiet
	@echo 'site/index.html'

clean:
	@rm -rf $(VENV) site build dist synthmix-demo .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written by the last step only, so that an interrupted installation starts again.
# The developers' environment holds all of the demo's: its stamp serves both.
$(DEMO): pyproject.toml
	@$(call install,.)
	@touch $@

$(DEV): pyproject.toml
	@$(call install,.[dev])
	@touch $@ $(DEMO)

define install
test -n '$(PYTHON)' || { echo 'No Python 3.11 or newer found: install one, or name it with PYTHON=/path/to/python.' >&2; exit 1; }; \
'$(PYTHON)' tools/environment.py $(VENV) '$(1)'
endef
