"""A recipe's batch on any number of devices: the same videos a step and the same learning rate, or a sentence."""

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.config import Experiment, TrainerConfig, load_experiment
from internvideo_pl.errors import UserError
from internvideo_pl.optim import REFERENCE_BATCH
from internvideo_pl.run.batches import StepBatch, describe, share_out
from internvideo_pl.run.schemas import SCHEMAS


def shared(name: str, devices: int, *changes: str) -> Experiment:
    words = ["trainer.accelerator=cpu", f"trainer.devices={devices}", *changes]
    experiment = load_experiment(name, words, schemas=SCHEMAS)
    share_out(experiment)
    return experiment


@pytest.mark.parametrize(
    ("devices", "each", "accumulated"),
    [(1, 64, 16), (8, 64, 2), (16, 64, 1), (64, 16, 1), (128, 8, 1)],
)
def test_masked_pretraining_has_1024_videos_a_step_everywhere(devices: int, each: int, accumulated: int) -> None:
    experiment = shared("pretrain/masked_k400_base", devices)
    assert StepBatch.of(experiment) == StepBatch(each, devices, accumulated)
    assert experiment.trainer.accumulate_grad_batches == accumulated
    assert experiment.data.batch_size == each
    line = describe(experiment)
    assert line.startswith(
        f"1,024 videos a step ({each} x {devices} device{'s' * (devices > 1)} x {accumulated} accumulated)"
    )
    assert line.endswith(f"learning rate {1.5e-4 * 1024 / REFERENCE_BATCH:.4g} = 0.00015 x 1,024 / 256")


def test_what_a_device_takes_is_the_largest_part_of_its_share_that_fits() -> None:
    batch = StepBatch.of(shared("pretrain/masked_huge_hybrid", 1, "data.batch_size=7"))  # 384 has no part of 7
    assert batch == StepBatch(6, 1, 64, views=4)


def test_images_of_a_mixture_keep_their_proportion() -> None:
    experiment = shared("pretrain/align_base", 128)
    assert (experiment.data.batch_size, experiment.data.image_batch_size) == (112, 672)
    experiment = shared("pretrain/align_base", 256)
    assert (experiment.data.batch_size, experiment.data.image_batch_size) == (56, 336)
    assert shared("pretrain/align_base", 8).trainer.accumulate_grad_batches == 16


def test_what_contrasts_fewer_videos_says_so() -> None:
    assert "contrasts" not in describe(shared("finetune/msrvtt_retrieval", 8))
    line = describe(shared("finetune/msrvtt_retrieval", 1, "data.batch_size=32"))
    assert "learning rate 4e-06;" in line
    assert line.endswith("its loss contrasts 32 videos with each other, not all 128")


def test_without_a_global_batch_nothing_changes() -> None:
    experiment = shared("pretrain/own_videos", 2, "trainer.accumulate_grad_batches=3")
    assert StepBatch.of(experiment) == StepBatch(8, 2, 3)


@pytest.mark.parametrize(("devices", "accumulated"), [(6, 1), (1, 6), (2, 3)])
def test_navigation_has_the_48_episodes_of_the_releases_six_times_eight(devices: int, accumulated: int) -> None:
    experiment = shared("navigate/r2r_ce", devices)
    assert StepBatch.of(experiment) == StepBatch(8, devices, accumulated)
    assert experiment.trainer.gradient_clip_val == 40.0
    assert (experiment.optimizer.lr, experiment.trainer.max_steps) == (3e-5, 10_000)


def test_devices_that_cannot_have_equal_shares_are_a_sentence() -> None:
    with pytest.raises(
        UserError, match=r"1024 cannot be shared by 6 devices: use 4, or a multiple .*global_batch=1026"
    ):
        shared("pretrain/masked_k400_base", 6)


@pytest.mark.parametrize("change", ["trainer.global_batch=0", "trainer.accumulate_grad_batches=0"])
def test_batches_below_one_are_refused(change: str) -> None:
    with pytest.raises(UserError, match="must be at least 1"):
        shared("pretrain/masked_k400_base", 1, change)


@pytest.mark.parametrize("command", [["run", "--fresh"], ["plan"]])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--gpus", "0"], "trainer.devices=0 (--gpus) must be at least 1"),
        (["--gpus", "-3"], "trainer.devices=-3 (--gpus) must be at least 1"),
        (["trainer.devices=abc"], "trainer.devices=abc"),
        (["trainer.num_nodes=0"], "trainer.num_nodes=0 (--nodes) must be at least 1"),
        (["--nodes", "-1"], "trainer.num_nodes=-1"),
    ],
)
def test_devices_and_machines_that_cannot_be_are_a_sentence(capsys, command, words, says) -> None:
    verb, *more = command
    assert main([verb, "pretrain/masked_k400_base", "--mini", *more, *words]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_all_devices_have_two_names() -> None:
    assert [TrainerConfig(devices=name).devices for name in ("auto", "-1", -1, 3)] == ["auto", "-1", -1, 3]
