"""Which runs the claims are judged by, and which are made, without any training."""

import json
from pathlib import Path

import pytest

from internvideo_pl.config import save_config
from internvideo_pl.errors import UserError
from internvideo_pl.run import claims
from internvideo_pl.run.claims import Runs, chosen_claims, configured, main
from internvideo_pl.run.record import Identity, Record
from internvideo_pl.tables.claims import CLAIMS, Side
from internvideo_pl.tables.provenance import file_hash
from internvideo_pl.tables.row import write_row
from tests.tables.rows import make_row

CHILD, PARENT = Side("zeroshot/msrvtt_retrieval", "t2v/R@1"), Side("pretrain/align_msrvtt_base", "")


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    return tmp_path


def finish(folder: Path, side: Side, seed: int, parents: list[Path] = (), value: float = 10.0) -> Path:
    """Leave in a folder what a finished run leaves."""
    folder.mkdir(parents=True)
    experiment = configured(side, seed)
    save_config(experiment, folder / "config.yaml")
    (folder / "model.safetensors").write_bytes(f"{side.experiment} {folder}".encode())
    hashes = {f"role{i}": file_hash(parent / "model.safetensors") for i, parent in enumerate(parents)}
    Record(Identity.of(experiment.name, [experiment]), "id", hashes, []).write(folder)
    metrics = dict.fromkeys(("top1", "t2v/R@1", "v2t/R@1", "dsl/t2v/R@1", "dsl/v2t/R@1"), value)
    write_row(make_row(experiment=side.experiment, seed=seed, metrics=metrics, recipe=folder.name), folder)
    (folder / "done.json").write_text(json.dumps({"mini": True}))
    return folder


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_side_is_an_experiment_with_a_mini_form(claim):
    for side in (claim.better, claim.than):
        assert configured(side, 5).seed == 5
        assert configured(side, 5).mini
    assert Identity.of("x", [configured(claim.better, 0)]) != Identity.of("x", [configured(claim.better, 1)])


def test_a_run_counts_wherever_it_lies_if_it_is_the_same_and_from_the_same_parents(results):
    parent = finish(results / "demo" / "001" / "02-pretrain", PARENT, 0)
    assert Runs(results).folder(CHILD, 0) is None
    other = finish(results / "elsewhere" / "001", PARENT, 1)
    finish(results / "zeroshot" / "001", CHILD, 0, [other], value=99.0)  # from another seed's parent
    assert Runs(results).value(CHILD, 0) is None
    child = finish(results / "zeroshot" / "002", CHILD, 0, [parent], value=20.0)
    assert Runs(results).folder(CHILD, 0) == child
    assert Runs(results).value(CHILD, 0) == 20.0
    assert Runs(results).value(CHILD, 1) is None
    changed = Side(CHILD.experiment, CHILD.metric, ("data.batch_size=8",))
    assert Runs(results).folder(changed, 0) is None


def test_a_word_that_a_config_had_not_yet_has_its_default(results):
    folder = finish(results / "pretrain" / "001", PARENT, 0)
    config = folder / "config.yaml"
    assert "\naverage: " in config.read_text()
    config.write_text("\n".join(line for line in config.read_text().splitlines() if not line.startswith("average: ")))
    assert Runs(results).folder(PARENT, 0) == folder
    config.write_text(config.read_text() + "\nno_more: 1\n")
    assert Runs(results).folder(PARENT, 0) is None


def test_unfinished_runs_and_trials_of_sweeps_do_not_count(results):
    finish(results / "sweeps" / "lr" / "001" / "run", PARENT, 0)
    (finish(results / "pretrain" / "001", PARENT, 0) / "done.json").unlink()
    assert Runs(results).folder(PARENT, 0) is None


def test_parents_run_first_and_nothing_runs_twice(results, monkeypatch, capsys):
    made = []

    def run_one(experiment, folder, stages, *_):
        made.append((experiment.name, experiment.seed, sorted(stages)))
        folder.rmdir()
        finish(folder, Side(experiment.name, ""), experiment.seed, list(stages.values()), value=experiment.seed + 1.0)

    monkeypatch.setattr(claims, "run_one", run_one)
    monkeypatch.setattr(claims, "summarize", lambda _, __, folder: (folder / "report.html").touch())
    monkeypatch.setattr(claims, "claim_folder", _fresh_folder)
    main(["retrieval_tuned"], seeds=2)
    align, zero_shot, tuned = "pretrain/align_msrvtt_base", "zeroshot/msrvtt_retrieval", "finetune/msrvtt_retrieval"
    assert sorted(made) == sorted(
        [(align, seed, []) for seed in (0, 1)]
        + [(name, seed, [align]) for seed in (0, 1) for name in (zero_shot, tuned)]
    )
    assert [name for name, *_ in made].index(align) == 0
    assert "not decided" in capsys.readouterr().out
    assert not (results / "claims" / "claims.md").exists()  # of all claims only
    made.clear()
    main(["retrieval_tuned"], seeds=2)
    main(run=False)
    assert made == []
    assert "| not run |" in (results / "claims" / "claims.md").read_text()
    assert "paper&#x27;s claims" in (results / "report.html").read_text()


class _fresh_folder:  # noqa: N801  # stands for a function
    """A new folder without a lock."""

    def __init__(self, identity, results, **_):
        self.folder = results / identity.experiment / f"{identity.seed:03d}"

    def __enter__(self):
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_):
        pass


def test_mistakes_are_one_sentence(results):
    with pytest.raises(UserError, match=r"no claim 'wise'. Did you mean 'wise_ft'"):
        chosen_claims(["wise"])
    with pytest.raises(UserError, match="SEEDS=3"):
        main(seeds=0)
