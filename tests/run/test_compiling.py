"""trainer.compile: the same losses as without it, few graphs, and sentences where it cannot be."""

from types import SimpleNamespace

import pytest
import torch

from internvideo_pl.__main__ import main
from internvideo_pl.backbones.compiled import compile_blocks
from internvideo_pl.backbones.layers import DropPath
from internvideo_pl.config import load_experiment
from internvideo_pl.errors import UserError
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.run.build import build_module
from internvideo_pl.run.schemas import SCHEMAS
from tests.modules.test_modules import batch

CLASSES = SimpleNamespace(classes=["a", "b", "c"])


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()


def module_of(name: str, *changes: str) -> VideoModule:
    experiment = load_experiment(name, ["trainer.max_steps=3", *changes], mini=True, schemas=SCHEMAS)
    torch.manual_seed(0)
    return build_module(experiment, CLASSES, None, 3)


@pytest.mark.parametrize("name", ["pretrain/masked_k400_base", "pretrain/align_msrvtt_base", "coordinate/k400_base"])
def test_the_same_loss_and_names(name: str) -> None:
    plain, compiled = module_of(name), module_of(name)
    compile_blocks(compiled.objective, backend="eager")
    losses = []
    for module in (plain, compiled):
        module.eval()  # nothing is drawn but masks
        torch.manual_seed(1)
        losses.append(module.losses(batch(4, 8))["loss"])
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-5, atol=1e-6)
    assert list(compiled.state_dict()) == list(plain.state_dict())
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0


def test_blocks_with_rates_of_their_own_share_a_graph() -> None:
    changes = ["backbone.size=small", "backbone.num_frames=4", "backbone.image_size=32", "backbone.drop_path=0.2"]
    module = module_of("posttrain/k400_masked_base", *changes)
    compile_blocks(module.objective, backend="eager")
    module.train()
    module.losses(batch(4, 4))["loss"].backward()
    rates = {part.rate for part in module.modules() if isinstance(part, DropPath)}
    assert len(rates) == 12
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 2  # one for the rate of 0


def test_dropped_share() -> None:
    torch.manual_seed(0)
    kept = DropPath(0.25)(torch.ones(20_000, 1, 1))
    assert kept.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert kept.mean().item() == pytest.approx(1.0, abs=0.02)
    assert DropPath(0.25)(torch.ones(4, 2, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_a_model_without_blocks_is_a_sentence() -> None:
    with pytest.raises(UserError, match="no transformer block to compile"):
        compile_blocks(torch.nn.Linear(2, 2))


def test_no_compiler_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert main(["run", "pretrain/masked_k400_base", "--mini", "trainer.compile=true"]) == 2
    assert "needs a C++ compiler and there is no no-such-compiler" in capsys.readouterr().err
