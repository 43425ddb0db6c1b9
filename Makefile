# The front door: every thing a person does here is one verb, and `make` prints them.
# The virtual environment .venv is made on first use and renewed when pyproject.toml changes.

PYTHON ?= python3
TORCH ?= torch==2.13.0
JOBS ?= 2

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.installed
PINNED := $(VENV)/constraints.txt

# Handed to the recipes through the environment, so that no value is ever read as shell text. Only what was given is: an
# empty NODE_RANK in the environment stops Lightning.
WORDS := SEEDS TEXT MODEL TOP WINDOW NAME DATA ONLY ROUNDS VIDEOS SAMPLE T TO SIZE GOP CRF FROM GPU MFU PRICE NODE_RANK MASTER CPUS TIME PARTITION ACCOUNT TRIALS HOURS GPU_HOURS SLURM
export $(foreach word,$(WORDS),$(if $(filter undefined,$(origin $(word))),,$(word)))

.DEFAULT_GOAL := help
.PHONY: moved help install vocabulary experiment slurm sweep list plan table claims doctor bench shard weights card search test test-all lint format clean
.DELETE_ON_ERROR:

help: ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@echo
	@echo '  first:  make experiment NAME=demo'

# $(TORCH) comes first and is then held fast, so that nothing that is installed after it can replace the build that suits
# this machine. A torch that is already in .venv is kept unless TORCH= is given. All of it speaks on stderr: what a verb
# prints, such as the JSON of `make list JSON=1`, stays clean when it has to install first.
define INSTALL
@$(PY) -c 'import pip' 2>/dev/null || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo "Python 3.11 or newer is needed: name one with PYTHON=, as in make install PYTHON=python3.12" >&2; exit 2; }
@$(PY) -c 'import pip' 2>/dev/null || { echo "making $(VENV)" >&2; $(PYTHON) -m venv $(VENV); } || \
	{ echo "Python could not make $(VENV): on Debian and Ubuntu, apt install python3-venv" >&2; exit 2; }
@$(if $(filter file,$(origin TORCH)),$(PY) -c 'from importlib.metadata import version; version("torch")' 2>/dev/null ||) \
	{ echo "installing $(TORCH)" >&2; $(PY) -m pip install -q "$(TORCH)" >&2; }
@$(PY) -c 'from importlib.metadata import version; print("torch==" + version("torch"))' > $(PINNED)
@echo "installing the project and its tools ($$(cat $(PINNED)) stays)" >&2
@$(PY) -m pip install -q -c $(PINNED) -e ".[dev]" >&2
@$(PY) -m internvideo_pl vocabulary >&2
@printf %s "$(CURDIR)" > $(READY)
endef

install: ## make .venv and install everything (PYTHON=python3.12, TORCH=torch==2.14.0 choose others)
	$(INSTALL)

$(READY): pyproject.toml $(if $(subst $(CURDIR),,$(shell cat $(READY) 2>/dev/null)),moved)
	$(INSTALL)

# An environment that was copied or moved along with the project still runs the code of the old place: install again.
moved:

vocabulary: $(READY) ## download CLIP's vocabulary again if it is gone
	@$(PY) -m internvideo_pl vocabulary

experiment: $(READY) ## run one: NAME=finetune/k400 [MINI=1] [ARGS="key=value ..."] [DATA=folder] [GPUS=8 NODES=2 NODE_RANK=0 MASTER=host] [FRESH=1]
	@[ -n "$$NAME" ] || { echo 'Which experiment? Name one, as in: make experiment NAME=demo (make list prints all).' >&2; exit 2; }
	@set -f; exec $(PY) -m internvideo_pl run "$$NAME" $(if $(filter-out 0,$(MINI)),--mini) \
		$${DATA:+--data "$$DATA"} $(if $(GPUS),--gpus $(GPUS)) $(if $(NODES),--nodes $(NODES)) \
		$(if $(filter-out 0,$(FRESH)),--fresh) $(ARGS)

slurm: $(READY) ## write a job for SLURM: NAME=... [GPUS=8 NODES=4 CPUS=8 TIME=24:00:00 PARTITION=.. ACCOUNT=..] [TO=job.sh]
	@[ -n "$$NAME" ] || { echo 'Which experiment? Name one, as in: make slurm NAME=pretrain/masked_k400_base GPUS=8 NODES=4' >&2; exit 2; }
	@set -f; exec $(PY) -m internvideo_pl slurm "$$NAME" $(if $(filter-out 0,$(MINI)),--mini) $${DATA:+--data "$$DATA"} \
		$(if $(GPUS),--gpus $(GPUS)) $(if $(NODES),--nodes $(NODES)) $${CPUS:+--cpus "$$CPUS"} $${TIME:+--time "$$TIME"} \
		$${PARTITION:+--partition "$$PARTITION"} $${ACCOUNT:+--account "$$ACCOUNT"} $${TO:+--to "$$TO"} $(ARGS)

sweep: $(READY) ## try settings: NAME=sweeps/k400_lr [MINI=1] [JOBS=4] [TRIALS=20 HOURS=8 GPU_HOURS=64] [GPUS=1] [SLURM=job.sh] [FRESH=1]
	@[ -n "$$NAME" ] || { echo 'Which sweep? Name one, as in: make sweep NAME=sweeps/k400_lr MINI=1' >&2; exit 2; }
	@set -f; exec $(PY) -m internvideo_pl sweep "$$NAME" $(if $(filter-out 0,$(MINI)),--mini) \
		$(if $(filter-out file,$(origin JOBS)),--jobs $(JOBS)) $${TRIALS:+--trials "$$TRIALS"} $${HOURS:+--hours "$$HOURS"} \
		$${GPU_HOURS:+--gpu-hours "$$GPU_HOURS"} $(if $(GPUS),--gpus $(GPUS)) $(if $(filter-out 0,$(FRESH)),--fresh) \
		$${SLURM:+--slurm "$$SLURM"} $(if $(NODES),--nodes $(NODES)) $${CPUS:+--cpus "$$CPUS"} $${TIME:+--time "$$TIME"} \
		$${PARTITION:+--partition "$$PARTITION"} $${ACCOUNT:+--account "$$ACCOUNT"} $(ARGS)

list: $(READY) ## print every experiment, the paper's number and ours (JSON=1 for scripts)
	@$(PY) -m internvideo_pl list $(if $(filter-out 0,$(JSON)),--json)

plan: $(READY) ## what one will take: NAME=... [GPU=h200 GPUS=8 NODES=2 MFU=0.3 PRICE=2.5] [MINI=1] [DATA=folder] [ARGS=...]
	@[ -n "$$NAME" ] || { echo 'Which experiment? Name one, as in: make plan NAME=pretrain/masked_k400_base GPU=h200 GPUS=8' >&2; exit 2; }
	@set -f; exec $(PY) -m internvideo_pl plan "$$NAME" $(if $(filter-out 0,$(MINI)),--mini) $(if $(GPUS),--gpus $(GPUS)) \
		$(if $(NODES),--nodes $(NODES)) $${GPU:+--gpu "$$GPU"} $${MFU:+--mfu "$$MFU"} $${PRICE:+--price "$$PRICE"} \
		$${DATA:+--data "$$DATA"} $(ARGS)

table: $(READY) ## the paper's tables with ours: T=2 (1-7, open_set, navigation, overview, cost; all writes them, pictures and report)
	@$(PY) -m internvideo_pl table "$${T:-all}"

claims: $(READY) ## the paper's claims re-tested in miniature [SEEDS=3] [ONLY="coordination_control wise_ft"] [SHOW=1 runs nothing]
	@set -f; exec $(PY) -m internvideo_pl claims $$ONLY $${SEEDS:+--seeds "$$SEEDS"} $(if $(filter-out 0,$(SHOW)),--show)

doctor: $(READY) ## check one before it runs: NAME=finetune/k400 [MINI=1] [DATA=folder] [FULL=1] [SAMPLE=500] [JSON=1] [ARGS=...]
	@[ -n "$$NAME" ] || { echo 'Which experiment? Name one, as in: make doctor NAME=demo (make list prints all).' >&2; exit 2; }
	@set -f; exec $(PY) -m internvideo_pl doctor "$$NAME" $(if $(filter-out 0,$(MINI)),--mini) \
		$(if $(filter-out 0,$(FULL)),--full) $${SAMPLE:+--sample "$$SAMPLE"} $(if $(filter-out 0,$(JSON)),--json) \
		$${DATA:+--data "$$DATA"} $(if $(GPUS),--gpus $(GPUS)) $(if $(NODES),--nodes $(NODES)) $(ARGS)

bench: $(READY) ## measure ours beside public code [ONLY=models] [ALL=1] [ROUNDS=9] [VIDEOS=folder] [DOCS=1 writes docs/]
	@set -f; exec $(PY) -m internvideo_pl bench $${ONLY:+"$$ONLY"} $${ROUNDS:+--rounds "$$ROUNDS"} \
		$${VIDEOS:+--videos "$$VIDEOS"} $(if $(filter-out 0,$(ALL)),--all) $(if $(filter-out 0,$(DOCS)),--markdown)

shard: $(READY) ## pack videos into tar shards: NAME=kinetics400 [TO=folder] [REENCODE=1 SIZE=256 GOP=12] [JOBS=8] [MEASURE=1] [DATA=folder]
	@[ -n "$$NAME" ] || { echo 'Which dataset? Name one, or an experiment, as in: make shard NAME=kinetics400.' >&2; exit 2; }
	@set -f; exec $(PY) -m internvideo_pl shard "$$NAME" $(if $(filter-out 0,$(MINI)),--mini) $${DATA:+--data "$$DATA"} \
		$${TO:+--to "$$TO"} $(if $(filter-out 0,$(REENCODE)),--reencode) $${SIZE:+--size "$$SIZE"} $${GOP:+--gop "$$GOP"} \
		$${CRF:+--crf "$$CRF"} $(if $(filter-out file,$(origin JOBS)),--jobs $(JOBS)) \
		$(if $(filter-out 0,$(MEASURE)),--measure) $(ARGS)

weights: $(READY) ## audit and convert: FROM=<file, run or short name> [TO=y.safetensors] [ARGS="--mix clip_b16 ..."]; else list
	@set -f; exec $(PY) -m internvideo_pl weights $${FROM:+"$$FROM"} $${TO:+"$$TO"} $(ARGS)

card: $(READY) ## a model card: FROM=<run, file or short name> [TO=folder saves the whole model] [ARGS="--licence apache-2.0"]
	@[ -n "$$FROM" ] || { echo 'Whose card? Name a model, as in: make card FROM=results/demo/001/pretrain' >&2; exit 2; }
	@set -f; exec $(PY) -m internvideo_pl card "$$FROM" $${TO:+"$$TO"} $(ARGS)

search: $(READY) ## find videos by a sentence: TEXT="a dog runs" VIDEOS=folder MODEL=<run, file or name> [TOP=5 WINDOW=10] [TO=page.html] [JSON=1]
	@[ -n "$$TEXT" ] || { echo 'Search for what? As in: make search TEXT="a dog runs" VIDEOS=folder MODEL=internvideo_mm_l14' >&2; exit 2; }
	@set -f; exec $(PY) -m internvideo_pl search --videos "$$VIDEOS" --model "$$MODEL" $${TOP:+--top "$$TOP"} \
		$${WINDOW:+--window "$$WINDOW"} $${TO:+--to "$$TO"} $(if $(filter-out 0,$(JSON)),--json) $(ARGS) -- "$$TEXT"

test: $(READY) ## run the tests that take seconds (JOBS=2 at a time)
	@OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(JOBS) --dist worksteal -m "not slow"

test-all: $(READY) ## run all tests, also the slow ones
	@OMP_NUM_THREADS=1 $(PY) -m pytest -q -n $(JOBS) --dist worksteal

lint: $(READY) ## check style, format and types
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy

format: $(READY) ## put the code into its format
	@$(PY) -m ruff check --fix
	@$(PY) -m ruff format

clean: ## delete caches and build leftovers; .venv, results and the vocabulary stay
	@rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis src/*.egg-info *.egg-info
	@find src data_modules tests -name __pycache__ -type d -prune -exec rm -rf {} +
