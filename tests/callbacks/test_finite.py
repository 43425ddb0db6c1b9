"""A loss or gradient that is not finite: which videos are named, and that no good checkpoint is touched."""

import json
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from internvideo_pl.callbacks.finite import LOOK_EVERY, StopOnNonFinite
from internvideo_pl.data.batch import Sample
from internvideo_pl.errors import RunFailed
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.optim import OptimizerConfig

NAN, INF = float("nan"), float("inf")


class Module(VideoModule):
    """One weight over a list of a hundred videos."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(1, 1, bias=False), OptimizerConfig(lr=1.0), 10, 4)
        samples = [Sample(f"/videos/{i}.mp4", f"video{i}") for i in range(100)]
        self.trainer = SimpleNamespace(datamodule=SimpleNamespace(split=lambda name: SimpleNamespace(samples=samples)))

    @property
    def weight(self) -> nn.Parameter:
        return self.objective.weight


def trainer(scaler: object = None, accumulate: int = 1) -> SimpleNamespace:
    plugin = SimpleNamespace(scaler=scaler)
    facts = {"global_step": 0, "global_rank": 0, "current_epoch": 3, "accumulate_grad_batches": accumulate}
    return SimpleNamespace(precision_plugin=plugin, **facts)


def batch(number: int) -> SimpleNamespace:
    return SimpleNamespace(index=torch.arange(4 * number, 4 * number + 4))


def train(stop: StopOnNonFinite, run: SimpleNamespace, losses: list[float], gradients: list[float]) -> Module:
    """Batches with these losses; after every `accumulate_grad_batches` of them a step with the next gradient."""
    module, steps = Module(), iter(gradients)
    for i, loss in enumerate(losses):
        stop.on_train_batch_start(run, module, batch(i), i)
        stop.on_before_backward(run, module, torch.tensor(loss))
        if (i + 1) % run.accumulate_grad_batches == 0:
            module.weight.grad = torch.full((1, 1), next(steps))
            stop.on_before_optimizer_step(run, module, None)
            run.global_step += 1
    return module


def test_finite_numbers_pass_and_little_is_kept(tmp_path):
    stop, run = StopOnNonFinite(tmp_path), trainer()
    module = train(stop, run, [1.0] * 60, [2.0] * 60)
    stop.on_save_checkpoint(run, module, {})
    assert len(stop.seen) <= LOOK_EVERY + 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_loss_stops_the_run_before_its_step_and_names_its_batch(tmp_path, value):
    stop, run = StopOnNonFinite(tmp_path), trainer(accumulate=2)
    with pytest.raises(
        RunFailed, match=r"the loss of step 1 is not finite; its videos \(video12, video13, video14, ...\)"
    ):
        train(stop, run, [1.0, 1.0, 1.0, value], [1.0, 1.0])
    assert run.global_step == 1
    report = (tmp_path / "non_finite.json").read_text()
    assert [f"video{i}" in report for i in (11, 12, 15, 16)] == [False, True, True, False]
    assert '"/videos/12.mp4"' in report


def test_a_gradient_names_every_batch_that_it_was_added_up_from(tmp_path):
    stop, run = StopOnNonFinite(tmp_path), trainer(accumulate=2)
    with pytest.raises(RunFailed, match=r"the gradient of step 1 is not finite.*No checkpoint was saved before it"):
        train(stop, run, [1.0] * 4, [1.0, NAN])
    report = (tmp_path / "non_finite.json").read_text()
    assert [f'"video{i}"' in report for i in (7, 8, 15, 16)] == [False, True, True, False]


def test_overflow_under_a_gradient_scaler_is_the_scalers_business(tmp_path):
    train(StopOnNonFinite(tmp_path), trainer(scaler=object()), [1.0, 1.0], [INF, NAN])
    with pytest.raises(RunFailed, match="the loss of step 0"):
        train(StopOnNonFinite(tmp_path), trainer(scaler=object()), [NAN], [INF])


def test_what_a_gpu_has_not_looked_at_yet_is_looked_at_before_anything_is_saved(tmp_path):
    stop, run, module = StopOnNonFinite(tmp_path), trainer(), Module()
    stop._look_in_time = lambda *_: None  # between two looks
    for i, loss in enumerate([1.0, NAN, NAN]):
        stop.on_train_batch_start(run, module, batch(i), i)
        stop.on_before_backward(run, module, torch.tensor(loss))
        run.global_step += 1
    with pytest.raises(RunFailed, match=r"the loss of step 1 is not finite; its videos \(video4, "):
        stop.on_save_checkpoint(run, module, {})


def test_ranks_write_reports_of_their_own(tmp_path):
    stop, run = StopOnNonFinite(tmp_path), trainer()
    run.global_rank = 2
    with pytest.raises(RunFailed):
        train(stop, run, [NAN], [])
    assert [path.name for path in tmp_path.iterdir()] == ["rank2_non_finite.json"]


def test_images_beside_the_videos_are_named_too(tmp_path):
    stop, run, module = StopOnNonFinite(tmp_path), trainer(), Module()
    both = SimpleNamespace(index=torch.arange(4), images=SimpleNamespace(index=torch.arange(90, 96)))
    stop.on_train_batch_start(run, module, both, 0)
    with pytest.raises(RunFailed, match=r"\(video0, .*\) and images \(video90, video91, video92, \.\.\.\)"):
        stop.on_before_backward(run, module, torch.tensor(NAN))
    report = json.loads((tmp_path / "non_finite.json").read_text())
    assert [video["key"] for video in report["videos"]] == [f"video{i}" for i in range(4)]
    assert [image["key"] for image in report["images"]] == [f"video{i}" for i in range(90, 96)]
