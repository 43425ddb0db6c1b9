"""Questions, choices, captions and zero-shot classes from files to rows, on small miniatures and for a few steps."""

from pathlib import Path

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.backbones.choices import MultimodalChoice
from internvideo_pl.run.weights import save_model
from internvideo_pl.tables.row import Row, read_rows

FEW = ["wandb.mode=disabled", "trainer.max_steps=2", "data.batch_size=4"]
VIDEOS = [f"data.mini_sizes.{size}" for size in ("train=6", "test=4")]
BLINKS = [f"data.mini_sizes.{size}" for size in ("train=1", "test=1", "blinks=5")]


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("WANDB_MODE", "offline")  # Lightning's logger changes it; this puts it back
    return tmp_path / "results"


def row_of(results: Path, name: str, *words: str) -> Row:
    assert main(["run", name, "--mini", *words]) == 0
    (row,), problems = read_rows(results / name / "001")
    assert not problems
    return row


def aligned(folder: Path) -> str:
    """A multimodal encoder to start from."""
    folder.mkdir()
    save_model(MultimodalChoice(size="tiny", num_frames=2).build(), folder)
    return f"parents.backbone={folder}"


def test_open_questions_to_a_row_with_both_accuracies(results, tmp_path):
    words = [*FEW, *VIDEOS, "data.vocabulary=4", aligned(tmp_path / "parent")]
    row = row_of(results, "finetune/msrvtt_qa", *words)
    assert row.parents.keys() == {"backbone"}
    assert (row.task, row.benchmark, row.headline) == ("qa", "msrvtt_qa", "acc_in_vocab")
    assert row.metrics["in_vocab"] < 100  # four answers do not answer everything
    assert row.metrics["acc"] == pytest.approx(row.metrics["acc_in_vocab"] * row.metrics["in_vocab"] / 100)
    assert row.chance.keys() == {"acc", "acc_in_vocab"}
    assert {"what/acc", "how/acc", "where/acc"} <= row.metrics.keys()
    assert row.protocol["vocabulary"] == 4
    assert row.coverage.used == row.coverage.official == 4 * 6  # questions


@pytest.mark.parametrize(
    ("name", "task", "headline"),
    [("tgif_action", "multiple_choice_qa", "top1"), ("tgif_count", "counting", "mse")],
)
def test_the_other_tasks_of_tgif(results, tmp_path, name, task, headline):
    row = row_of(results, f"finetune/{name}", *FEW, *BLINKS, aligned(tmp_path / "parent"))
    assert (row.task, row.headline, row.benchmark) == (task, headline, None)
    assert headline in row.chance


def test_choices_by_similarity_after_alignment(results):
    row = row_of(results, "finetune/lsmdc_mc", *FEW, *VIDEOS)
    assert (row.task, row.headline, row.chance) == ("multiple_choice", "top1", {"top1": 20.0})
    assert row.protocol["options"] == 5
    assert row.coverage.used == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["msvd_qa", "tgif_qa", "tgif_transition", "msrvtt_mc"])
def test_every_other_experiment_reaches_its_row(results, tmp_path, name):
    sizes = [*BLINKS, aligned(tmp_path / "parent")] if "transition" in name else VIDEOS
    assert row_of(results, f"finetune/{name}", *FEW, *sizes).coverage.complete


def test_written_captions_are_scored(results, tmp_path):
    words = [*FEW, *VIDEOS, aligned(tmp_path / "parent"), "objective.search.beams=2"]
    row = row_of(results, "finetune/msrvtt_caption", *words)
    assert {"CIDEr-D", "BLEU-4", "ROUGE-L"} == row.metrics.keys() == row.chance.keys()
    assert row.protocol["beams"] == 2


KINETICS = ("train=2", "val=2", "test=1")
ZERO_SHOT = {
    **dict.fromkeys(("k400", "k600", "k700", "ssv1", "ssv2"), KINETICS),
    **dict.fromkeys(("k710", "mitv2", "activitynet", "hacs"), ("train=2", "val=2")),
    **dict.fromkeys(("hmdb51", "ucf101"), ("train=2", "test=2")),
    **dict.fromkeys(("msrvtt_mc", "lsmdc_mc"), ("train=2", "val=1", "test=6")),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ZERO_SHOT)
def test_zero_shot_of_every_dataset_needs_nothing_but_weights(results, tmp_path, name):
    sizes = [f"data.mini_sizes.{size}" for size in ZERO_SHOT[name]]
    row = row_of(results, f"zeroshot/{name}", aligned(tmp_path / "parent"), "wandb.mode=disabled", *sizes)
    assert row.headline == "top1"
    assert row.coverage.complete


# --- whole miniatures ---------------------------------------------------------------------------------------------


@pytest.fixture
def shared(tmp_path, monkeypatch) -> Path:
    """Results of all whole miniatures: the parent that some share is run by the first."""
    folder = tmp_path.parent / "results_of_whole_miniatures"
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(folder))
    monkeypatch.setenv("WANDB_MODE", "offline")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["msrvtt_mc", "lsmdc_mc", "tgif_action", "msrvtt_caption", "tgif_count"])
def test_a_whole_miniature_is_clearly_better_than_chance(shared, name):
    row = row_of(shared, f"finetune/{name}")
    if row.headline == "mse":
        assert row.metrics["mse"] < row.chance["mse"] / 2
    elif row.headline == "top1":
        assert row.metrics["top1"] > 2 * row.chance["top1"]
    else:  # captions: each figure above that of one fixed sentence
        assert row.metrics["CIDEr-D"] > 2 * row.chance["CIDEr-D"]
        assert all(row.metrics[figure] > row.chance[figure] for figure in ("BLEU-4", "ROUGE-L"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["finetune/msrvtt_qa", "--mini", "objective.name=choose"], "wants questions with options"),
        (
            ["finetune/tgif_count", "--mini", "objective.name=answer", "parents={}"],
            "wants questions with open answers",
        ),
        (
            ["finetune/tgif_action", "--mini", "objective.name=count", "parents={}"],
            "wants questions that ask for a count",
        ),
        (["finetune/msrvtt_qa", "--mini", "data.vocabulary=0"], "at least 1, or null"),
        (["finetune/msrvtt_qa", "--mini", "data.test_on=train"], "'test', 'val'"),
        (["finetune/msvd_qa", "checkpoint=null"], "MSVD-QA was not found"),
    ],
)
def test_mistakes_are_one_sentence(results, capsys, words, says):
    small = [] if "checkpoint=null" in words else ["data.mini_sizes.train=2", "data.mini_sizes.test=1"]
    small += ["data.mini_sizes.blinks=1"] if "tgif" in words[0] else []
    assert main(["run", *words, *small, "trainer.accelerator=cpu"]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert "Traceback" not in captured.err
