# make demo   set up, run the main job on the shipped figures, leave out/demo/index.html
# make test   set up, run every test
# make check  format, lint, types, layers
# make bench  measure, against peers in the same run
# make clean  remove what these made

VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3 python; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: demo test check bench clean
.DELETE_ON_ERROR:

demo: $(READY)
	$(BIN)/allocate demo

test: $(READY)
	$(BIN)/python -m pytest -q -n auto --dist loadfile

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m pip install -q -c constraints.txt --group bench
	$(BIN)/python -m benchmarks

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "allocate needs Python 3.12 or newer, with venv; none was found on the PATH."; \
		echo "Install one (python.org, your package manager, pyenv), or run: make PYTHON=/path/to/python3.13"; \
		echo "With uv, which brings its own Python: uv run allocate demo"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip -c constraints.txt
	$(BIN)/python -m pip install -q -c constraints.txt -e . --group dev
	@touch $@

clean:
	rm -rf $(VENV) out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
