"""The Makefile, run in a copy with a stand-in for Python: what each verb starts, and what it says about a mistake."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VERBS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.fixture
def make(tmp_path):
    """Runs `make` where `.venv/bin/python` only prints its arguments, one a line, and `-c` always succeeds."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\n[ "$1" = -c ] && exit\nfor word in "$@"; do echo "<$word>"; done\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / ".installed").write_text(str(tmp_path))

    def _make(*arguments, **environment):
        kept = {
            key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "NAME", "DATA")
        }
        return subprocess.run(
            ["make", *arguments], cwd=tmp_path, env=kept | environment, capture_output=True, text=True, check=False
        )

    return _make


def words(done):
    assert done.returncode == 0, done.stderr
    return re.findall(r"<(.*)>", done.stdout)[2:]  # after -m internvideo_pl


def test_make_alone_prints_every_verb(make):
    done = make()
    assert done.returncode == 0
    assert set(re.findall(r"^  make ([a-z-]+)", done.stdout, re.MULTILINE)) == VERBS
    assert {"help", "install", "experiment", "list", "test", "test-all", "lint", "format", "clean"} <= VERBS


def test_every_verb_is_phony(make):
    declared = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    assert set(declared.split()) == VERBS | {"moved"}


def test_plan_hands_the_folder_and_the_price_over(make):
    done = make("plan", "NAME=pretrain/own_videos", "GPU=h200", "PRICE=2.5", "DATA=my videos", "ARGS=a=1 b=2")
    assert words(done) == [
        *("plan", "pretrain/own_videos", "--gpu", "h200", "--price", "2.5", "--data", "my videos", "a=1", "b=2"),
    ]


def test_experiment_needs_a_name(make):
    done = make("experiment")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        "Which experiment? Name one, as in: make experiment NAME=demo (make list prints all)."
    )
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["MODEL=a b"], ["--model", "a b", "--", "it's -- $x"]),
        (["MODEL=m", "TOP=3", "WINDOW=2.5"], ["--model", "m", "--top", "3", "--window", "2.5", "--", "it's -- $x"]),
        (["MODEL=m", "TO=a.html", "JSON=1"], ["--model", "m", "--to", "a.html", "--json", "--", "it's -- $x"]),
    ],
)
def test_search_hands_over_what_was_given(make, given, expected):
    done = make("search", "TEXT=it's -- $$x", "VIDEOS=/my videos", *given)
    assert words(done) == ["search", "--videos", "/my videos", *expected]


def test_search_needs_a_sentence(make):
    done = make("search", "VIDEOS=/videos")
    assert done.returncode == 2
    assert "Search for what?" in done.stderr.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["NAME=demo"], ["run", "demo"]),
        (["NAME=demo", "MINI=1"], ["run", "demo", "--mini"]),
        (["NAME=demo", "MINI=0"], ["run", "demo"]),
        (["NAME=demo", "FRESH=1", "ARGS=a=1"], ["run", "demo", "--fresh", "a=1"]),
        (["NAME=demo", "ARGS=a=1 b.c=x=y"], ["run", "demo", "a=1", "b.c=x=y"]),
        (["NAME=demo", "ARGS=tags='[a, b]' c=1"], ["run", "demo", "tags=[a, b]", "c=1"]),
        (["NAME=demo", "ARGS=a=* b=[12]"], ["run", "demo", "a=*", "b=[12]"]),
        (["NAME=demo", "ARGS=~data.csv"], ["run", "demo", "~data.csv"]),
        (["NAME=demo", "DATA=/my videos/$$x"], ["run", "demo", "--data", "/my videos/$x"]),
        (["NAME=demo", "GPUS=8", "NODES=2"], ["run", "demo", "--gpus", "8", "--nodes", "2"]),
        (["NAME=it's; touch broken"], ["run", "it's; touch broken"]),
    ],
)
def test_experiment_hands_everything_on(make, tmp_path, arguments, expected):
    (tmp_path / "b=1").touch()  # would match the pattern b=[12]
    assert words(make("experiment", *arguments)) == expected
    assert not (tmp_path / "broken").exists()


def test_name_may_come_from_the_environment(make):
    assert words(make("experiment", NAME="demo", DATA="/videos")) == ["run", "demo", "--data", "/videos"]


def test_list(make):
    assert words(make("list")) == ["list"]
    assert words(make("list", "JSON=1")) == ["list", "--json"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["NAME=demo"], ["doctor", "demo"]),
        (["NAME=demo", "MINI=1", "FULL=1", "JSON=1"], ["doctor", "demo", "--mini", "--full", "--json"]),
        (["NAME=demo", "SAMPLE=50", "DATA=/my videos"], ["doctor", "demo", "--sample", "50", "--data", "/my videos"]),
        (["NAME=demo", "GPUS=8", "ARGS=a=1 b=*"], ["doctor", "demo", "--gpus", "8", "a=1", "b=*"]),
    ],
)
def test_doctor_hands_everything_on(make, arguments, expected):
    assert words(make("doctor", *arguments)) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["bench"]),
        (["ONLY=models,decoding", "ALL=1"], ["bench", "models,decoding", "--all"]),
        (["ONLY=models", "ROUNDS=9", "DOCS=1"], ["bench", "models", "--rounds", "9", "--markdown"]),
        (["ONLY=decoding", "VIDEOS=/my videos", "DOCS=0"], ["bench", "decoding", "--videos", "/my videos"]),
    ],
)
def test_bench_hands_everything_on(make, arguments, expected):
    assert words(make("bench", *arguments)) == expected


def test_doctor_needs_a_name(make):
    done = make("doctor")
    assert done.returncode == 2
    assert "make doctor NAME=demo" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["NAME=kinetics400"], ["shard", "kinetics400"]),
        (["NAME=a", "MINI=1", "JOBS=3", "MEASURE=1"], ["shard", "a", "--mini", "--jobs", "3", "--measure"]),
        (["NAME=a", "DATA=/my videos", "TO=/my shards"], ["shard", "a", "--data", "/my videos", "--to", "/my shards"]),
        (["NAME=a", "REENCODE=1", "SIZE=128", "GOP=8"], ["shard", "a", "--reencode", "--size", "128", "--gop", "8"]),
        (["NAME=a", "REENCODE=0", "ARGS=a=1 b=*"], ["shard", "a", "a=1", "b=*"]),
    ],
)
def test_shard_hands_everything_on(make, arguments, expected):
    assert words(make("shard", *arguments)) == expected


def test_shard_needs_a_name(make):
    done = make("shard")
    assert done.returncode == 2
    assert "make shard NAME=kinetics400" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["weights"]),
        (["FROM=clip_b16"], ["weights", "clip_b16"]),
        (
            ["FROM=/my files/a.pth", "TO=/my files/b.safetensors"],
            ["weights", "/my files/a.pth", "/my files/b.safetensors"],
        ),
        (
            ["FROM=a b; c", "ARGS=--mix clip_l14 --ratio .5"],
            ["weights", "a b; c", "--mix", "clip_l14", "--ratio", ".5"],
        ),
    ],
)
def test_weights_hands_everything_on(make, arguments, expected):
    assert words(make("weights", *arguments)) == expected


@pytest.mark.parametrize("verb", ["test", "test-all", "lint"])
def test_failure_is_passed_on(make, tmp_path, verb):
    (tmp_path / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    assert make(verb).returncode == 2


@pytest.mark.parametrize("body", ["exit 1", None])
def test_python_that_is_too_old_or_missing(make, tmp_path, body):
    shutil.rmtree(tmp_path / ".venv")
    old = tmp_path / "python-old"
    if body:
        old.write_text(f"#!/bin/sh\n{body}\n")
        old.chmod(0o755)
    for verb in ("install", "test"):
        done = make(verb, f"PYTHON={old}")
        assert done.returncode == 2
        assert done.stderr.splitlines()[0] == (
            "Python 3.11 or newer is needed: name one with PYTHON=, as in make install PYTHON=python3.12"
        )
    assert not (tmp_path / ".venv").exists()


def test_changed_requirements_install_again(make, tmp_path):
    os.utime(tmp_path / ".venv" / ".installed", (0, 0))
    done = make("list", "PYTHON=true")
    assert done.returncode == 0, done.stderr
    assert "<-e>\n<.[dev]>" in done.stderr
    assert done.stdout == "<-m>\n<internvideo_pl>\n<list>\n"  # scripts read it
    assert "<-e>" not in make("list", "PYTHON=true").stderr


def test_moved_project_is_installed_again(make, tmp_path):
    (tmp_path / ".venv" / ".installed").write_text("/where/it/was")
    assert "<-e>\n<.[dev]>" in make("list", "PYTHON=true").stderr
    assert "<-e>" not in make("list", "PYTHON=true").stderr


def test_torch_of_this_machine_is_kept_unless_another_is_named(make):
    assert "torch==2.13.0" not in make("install", "PYTHON=true").stderr
    assert "<torch==2.14.0>" in make("install", "PYTHON=true", "TORCH=torch==2.14.0").stderr


def test_clean_keeps_what_took_long(make, tmp_path):
    for kept in (
        "results/a.json",
        ".cache/words",
        "src/x/__pycache__/y.pyc",
        ".pytest_cache/z",
        "data_modules/a",
        "tests/a",
    ):
        (tmp_path / kept).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / kept).touch()
    assert make("clean").returncode == 0
    assert (tmp_path / "results" / "a.json").exists()
    assert (tmp_path / ".cache" / "words").exists()
    assert (tmp_path / ".venv").exists()
    assert not (tmp_path / "src" / "x" / "__pycache__").exists()
    assert not (tmp_path / ".pytest_cache").exists()


def test_slurm_hands_everything_on(make):
    told = ["NAME=a/b", "MINI=1", "DATA=/my $$x", "GPUS=8", "NODES=4", "TIME=1:00:00", "PARTITION=a b", "TO=j.sh"]
    expected = ["slurm", "a/b", "--mini", "--data", "/my $x", "--gpus", "8", "--nodes", "4", "--time", "1:00:00"]
    assert words(make("slurm", *told, "ARGS=c=1")) == [*expected, "--partition", "a b", "--to", "j.sh", "c=1"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [([], []), (["ONLY=wise_ft a_b", "SEEDS=5"], ["wise_ft", "a_b", "--seeds", "5"]), (["SHOW=1"], ["--show"])],
)
def test_claims_hands_everything_on(make, given, expected):
    assert words(make("claims", *given)) == ["claims", *expected]


def test_words_that_were_not_given_are_not_in_the_environment(make, tmp_path):
    (tmp_path / "probe.mk").write_text("include Makefile\nprobe:\n\t@env\n")
    empty = make("-s", "-f", "probe.mk", "probe").stdout.splitlines()
    given = make("-s", "-f", "probe.mk", "probe", "NODE_RANK=1", MASTER="host").stdout.splitlines()
    assert [line for line in empty if line.startswith(("NODE_RANK=", "MASTER=", "T="))] == []
    assert {"NODE_RANK=1", "MASTER=host"} <= set(given)
