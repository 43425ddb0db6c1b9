"""FSDP2 beside one process with the whole batch: the same losses, gradients' norm and weights after steps."""

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor

from internvideo_pl.backbones.sharding import clip_norm, load_whole, shard, total_norm, whole_state
from internvideo_pl.config import load_experiment
from internvideo_pl.data.batch import Batch
from internvideo_pl.errors import UserError
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.optim import build_optimizer
from internvideo_pl.run.build import build_module
from internvideo_pl.run.schemas import SCHEMAS
from tests.modules.test_modules import batch

PROCESSES, CLIPS, STEPS = 2, 4, 3
EXPERIMENTS = {  # with what would draw otherwise in each process
    "pretrain/align_msrvtt_base": [],
    "posttrain/k400_multimodal_base": ["objective.head.dropout=0"],
    "coordinate/k400_base": ["objective.dropout=0"],
}
CLASSES = SimpleNamespace(classes=["a", "b", "c"])


def module_of(name: str) -> VideoModule:
    changes = ["trainer.max_steps=3", "optimizer.warmup=0", "optimizer.schedule=constant", *EXPERIMENTS[name]]
    experiment = load_experiment(name, changes, mini=True, schemas=SCHEMAS)
    torch.manual_seed(0)
    module = build_module(experiment, CLASSES, None, STEPS)
    for value in module.parameters():  # no branch is silent
        nn.init.normal_(value, std=0.05) if value.ndim > 1 else None
    for sub in module.modules():
        if isinstance(sub, nn.Dropout):
            sub.p = 0.0
    return module


def train(module: VideoModule, clips: range) -> tuple[list[Tensor], list[Tensor]]:
    """Losses and norms of a few steps."""
    config = module.optimizer_config
    optimizer, _ = build_optimizer(module.objective, config, STEPS, CLIPS)
    losses, norms = [], []
    for _ in range(STEPS):
        all_ = batch(CLIPS, 8)
        texts = ["a red disc moves left", "two things", "a square turns", "it falls"]
        part = slice(clips.start, clips.stop)
        mine = Batch(all_.video[part], all_.index[part], all_.view[part], all_.label[part], texts[part])
        loss = module.losses(mine)["loss"]
        loss.backward()
        losses.append(loss.detach().clone())
        parameters = [value for value in module.objective.parameters() if value.requires_grad]
        norms.append(total_norm(value.grad for value in parameters if value.grad is not None))
        clip_norm(parameters, 0.3)
        optimizer.step()
        optimizer.zero_grad()
    return losses, norms


def process(rank: int, port: int, name: str, results: str) -> None:
    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=PROCESSES)
    module = module_of(name)
    shard(module.objective, init_device_mesh("cpu", (PROCESSES,)))
    shard(module.objective, init_device_mesh("cpu", (PROCESSES,)))  # Lightning may ask twice
    start = whole_state(module)
    each = CLIPS // PROCESSES
    losses, norms = train(module, range(rank * each, (rank + 1) * each))
    for loss in losses:
        distributed.all_reduce(loss)
        loss /= PROCESSES
    end = whole_state(module)
    parts = [value for value in module.objective.parameters() if isinstance(value, DTensor)]
    share = sum(value.to_local().numel() for value in parts) / sum(value.numel() for value in parts)
    load_whole(module, start)
    again = whole_state(module)
    if rank == 0:
        torch.save(
            {"losses": losses, "norms": norms, "end": end, "share": share, "start": start, "again": again}, results
        )
    distributed.barrier()  # nobody leaves while another still gathers
    distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if i else name for i, name in enumerate(EXPERIMENTS)]
)
def test_parts_on_two_processes_equal_the_whole_on_one(name: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(process, args=(port, name, str(tmp_path / "result.pt")), nprocs=PROCESSES)
    got = torch.load(tmp_path / "result.pt")
    module = module_of(name)
    losses, norms = train(module, range(CLIPS))
    torch.testing.assert_close(got["losses"], losses, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(got["norms"], norms, rtol=1e-3, atol=1e-4)
    for key, value in module.state_dict().items():
        torch.testing.assert_close(got["end"][key], value, rtol=1e-3, atol=5e-4, msg=key)
        assert torch.equal(got["start"][key], got["again"][key])
    assert any(not torch.equal(got["start"][key], got["end"][key]) for key in got["end"])
    assert got["share"] < 0.6


def test_norms_of_whole_gradients_are_pytorchs() -> None:
    values = [nn.Parameter(torch.randn(3, 2)), nn.Parameter(torch.randn(()))]
    for value in values:
        value.grad = torch.randn_like(value)
    twins = [nn.Parameter(value.detach().clone()) for value in values]
    for twin, value in zip(twins, values, strict=True):
        twin.grad = value.grad.clone()
    want = nn.utils.clip_grad_norm_(twins, 0.5)
    assert torch.equal(total_norm(value.grad for value in values), want)
    clip_norm(values, 0.5)
    for twin, value in zip(twins, values, strict=True):
        assert torch.equal(value.grad, twin.grad)


def test_a_precision_that_it_cannot_have_is_refused() -> None:
    with pytest.raises(UserError, match=r"trainer.strategy=fsdp has no 16-mixed: choose trainer.precision=bf16-mixed"):
        load_experiment("pretrain/masked_k400_base", ["trainer.strategy=fsdp"], schemas=SCHEMAS)
