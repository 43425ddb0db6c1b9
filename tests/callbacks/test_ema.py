"""The moving average beside its formula, in double precision."""

from types import SimpleNamespace

import lightning as L
import pytest
import torch
from torch import nn

from internvideo_pl.callbacks.ema import MovingAverage
from internvideo_pl.errors import UserError
from internvideo_pl.optim import OptimizerConfig


class Net(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.trained = nn.Linear(3, 2)
        self.frozen = nn.Linear(3, 2).requires_grad_(False)
        self.norm = nn.BatchNorm1d(2)

    def step(self, seed: int) -> None:
        """What an optimiser step and a forward pass do to the state."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for value in (*self.trained.parameters(), *self.norm.parameters(), self.norm.running_mean):
                value += torch.randn(value.shape, generator=generator)
            self.norm.num_batches_tracked += 1


def averaged(decay: float, steps: int, warmup: bool = False) -> tuple[Net, MovingAverage, list[dict]]:
    torch.manual_seed(0)
    module, trainer = Net(), SimpleNamespace(global_step=0)
    callback = MovingAverage(OptimizerConfig(lr=1.0, ema=decay, ema_warmup=warmup))
    callback.on_train_start(trainer, module)
    states = [{name: value.clone() for name, value in module.state_dict().items()}]
    for i in range(steps):
        module.step(i)
        trainer.global_step += 1
        callback.on_train_batch_end(trainer, module)
        callback.on_train_batch_end(trainer, module)  # a batch that only accumulates gradients changes nothing
        states.append({name: value.clone() for name, value in module.state_dict().items()})
    return module, callback, states


@pytest.mark.parametrize("decay", [0.9999, 0.5, 0.1])
def test_average_is_d_e_plus_one_minus_d_w_over_parameters_and_buffers(decay):
    _, callback, states = averaged(decay, 20)
    assert callback.average.keys() == states[0].keys() - {
        "frozen.weight", "frozen.bias", "norm.num_batches_tracked",
    }  # fmt: skip
    for name, value in callback.average.items():
        expected = states[0][name].double()
        for state in states[1:]:
            expected = decay * expected + (1 - decay) * state[name].double()
        assert torch.allclose(value.double(), expected, rtol=1e-6, atol=1e-6)


def test_one_update_of_whole_numbers_is_exact():
    module, callback, _ = averaged(0.75, 0)
    for name, value in module.state_dict().items():
        value.copy_(torch.arange(value.numel()).view(value.shape) * 8)
        if name in callback.average:
            callback.average[name].fill_(-4)
    callback.update(module)
    for value in callback.average.values():
        assert value.flatten().tolist() == [0.75 * -4 + 0.25 * 8 * i for i in range(value.numel())]


def test_what_does_not_change_is_its_own_average():
    module, trainer = Net(), SimpleNamespace(global_step=0)
    callback = MovingAverage(OptimizerConfig(lr=1.0, ema=0.9999))
    callback.on_train_start(trainer, module)
    for _ in range(50):
        callback.update(module)
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in callback.average.items())


def test_the_warm_up_bounds_the_decay():
    callback = MovingAverage(OptimizerConfig(lr=1.0, ema=0.99, ema_warmup=True))
    decays = []
    for callback.updates in (0, 1, 90, 889, 890, 891, 10_000):
        decays.append(callback.decay())
    assert decays == pytest.approx([0.1, 2 / 11, 0.91, 890 / 899, 0.99, 0.99, 0.99])


def test_the_average_takes_the_weights_place_and_leaves_the_rest():
    module, callback, states = averaged(0.9, 5)
    callback.on_fit_end(None, module)
    for name, value in module.state_dict().items():
        assert torch.equal(value, callback.average.get(name, states[-1][name])), name


def test_a_checkpoint_holds_the_average_and_the_weights_and_gives_both_back():
    module, callback, states = averaged(0.9, 5)
    checkpoint = {"state_dict": module.state_dict()}
    callback.on_save_checkpoint(None, module, checkpoint)
    assert all(torch.equal(checkpoint["state_dict"][name], value) for name, value in callback.average.items())
    again, loaded = Net(), MovingAverage(callback.config)
    again.load_state_dict(checkpoint["state_dict"])  # as Lightning does before it asks the callbacks
    loaded.on_load_checkpoint(None, again, checkpoint)
    loaded.load_state_dict(callback.state_dict())
    loaded.on_train_start(SimpleNamespace(global_step=5), again)
    assert loaded.updates == 5
    assert all(torch.equal(again.state_dict()[name], value) for name, value in states[-1].items())
    for callback_, module_ in ((callback, module), (loaded, again)):
        module_.step(99)
        callback_.update(module_)
    assert all(torch.equal(loaded.average[name], value) for name, value in callback.average.items())


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5, 2.0])
def test_a_decay_out_of_range_is_refused(decay):
    with pytest.raises(UserError, match=r"optimizer\.ema="):
        OptimizerConfig(lr=1.0, ema=decay)
