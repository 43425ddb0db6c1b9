"""FSDP2: every process holds a part of each weight, its gradient and its optimiser's state.

What is computed is what DDP computes: a block's weights are gathered while it runs, its gradients are averaged over all
processes and kept in parts (arXiv 2304.11277). A tensor in parts is a `DTensor`, whose shape is that of the whole.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

# What is gathered at a time: a transformer block, wherever it stands. All else is gathered with the objective itself,
# the few layers of the caption decoder too, which are called in two halves.
UNIT = re.compile(r"(?:.*\.)?(?:(?:res)?blocks|cross)\.\d+")


def shard(objective: nn.Module, mesh: DeviceMesh) -> None:
    """Puts an objective's parameters in parts over a mesh of one dimension; a second time it does nothing.

    Single numbers, such as CLIP's logit scale, cannot be in parts: they stay whole, with the mean of all gradients.

    Args:
        objective: Is called as a module in training, never by another of its methods.
        mesh: The processes.
    """
    if in_parts(objective):
        return
    numbers = {value for value in objective.parameters() if value.ndim == 0}
    for name, module in reversed(list(objective.named_modules())):  # inner ones first
        if UNIT.fullmatch(name):
            fully_shard(module, mesh=mesh)
    fully_shard(objective, mesh=mesh, ignored_params=numbers)
    for number in numbers:
        if number.requires_grad:
            number.register_post_accumulate_grad_hook(partial(_average, mesh))


def in_parts(objective: nn.Module) -> bool:
    """Whether each process holds only a part of its parameters."""
    return isinstance(objective, FSDPModule)


def _average(mesh: DeviceMesh, number: Tensor) -> None:
    """The gradients that several batches add up are averaged each time: what was alike in all processes stays so."""
    assert number.grad is not None
    distributed.all_reduce(number.grad, group=mesh.get_group())
    number.grad /= mesh.size()


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor that may be in parts; every process has to ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def parted(tensor: Tensor, like: Tensor) -> Tensor:
    """This process's part of a whole tensor where `like` is in parts; otherwise all of it, on the same device."""
    tensor = tensor.detach().to(like.device)
    return distribute_tensor(tensor, like.device_mesh, like.placements) if isinstance(like, DTensor) else tensor


def load_whole(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Gives a module, in parts or not, whole tensors by name; every process has to do it."""
    module.load_state_dict({name: parted(state[name], like=value) for name, value in module.state_dict().items()})


def whole_state(module: nn.Module) -> dict[str, Tensor]:
    """All tensors of a module by name, whole; every process has to ask."""
    return {name: whole(value) for name, value in module.state_dict().items()}


def alike(tensors: Iterable[Tensor]) -> list[list[Tensor]]:
    """Those in parts and those that are whole, which no kernel for many tensors takes together; no list is empty."""
    tensors = list(tensors)
    parts: list[Tensor] = [tensor for tensor in tensors if isinstance(tensor, DTensor)]
    wholes = [tensor for tensor in tensors if not isinstance(tensor, DTensor)]
    return [found for found in (parts, wholes) if found]


def total_norm(gradients: Iterable[Tensor]) -> Tensor:
    """Length of all gradients laid end to end; every process has to ask."""
    norms = [whole(get_total_norm(group)) for group in alike(gradients)]
    return norms[0] if len(norms) == 1 else torch.stack(norms).norm()


def clip_norm(parameters: Sequence[nn.Parameter], limit: float) -> None:
    """Shortens all gradients together to `limit` where they are longer, as `torch.nn.utils.clip_grad_norm_` does."""
    norm = total_norm(value.grad for value in parameters if value.grad is not None)
    for group in alike(value for value in parameters if value.grad is not None):
        clip_grads_with_norm_(group, limit, norm)
