"""Every full-size model runs on one clip within the memory of a small machine; each in a process of its own."""

import json
import subprocess
import sys
import zlib

import pytest
import torch
from torch import Tensor

from internvideo_pl.backbones.masks import sample_tubes
from internvideo_pl.backbones.released_masked import classifier_to_released
from internvideo_pl.backbones.released_multimodal import multimodal_to_released, uniformer_to_released
from internvideo_pl.models.cost import parameters
from internvideo_pl.models.sizes import sized_network
from internvideo_pl.models.table import LISTED

FULL = {(size.name, size.num_classes) for size in LISTED if "tiny" not in size.name}
OVERHEAD = 1.5  # GB: PyTorch itself, a clip's activations


def fill(state: dict[str, Tensor]) -> None:
    """FILL-v1, by which anyone can rebuild the weights: the seed of a tensor is its released name."""
    for name, value in state.items():
        last = name.rpartition(".")[2]
        if not value.is_floating_point() or last in ("inv_freq", "beta", "attn_mask"):
            continue
        noise = torch.randn(value.shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode()))) * 0.02
        if value.ndim == 0:
            noise = noise + 2.6593
        elif last == "running_var":
            noise = 1 + noise.abs()
        elif value.ndim == 1 and last in ("weight", "gamma"):
            noise = noise + 1
        value.copy_(noise)


@torch.inference_mode()
def run(name: str, num_classes: int | None) -> dict[str, float]:
    """Builds, fills and runs one model; peak memory of the process in GB, parameters in billions, and its answer."""
    import resource  # not on every system; only this process needs it

    torch.manual_seed(0)
    network = sized_network(name, num_classes).eval()
    state = network.state_dict()
    if name.startswith("multimodal"):
        state = multimodal_to_released(state)
    elif num_classes and name.startswith(("video", "motion")):
        state = uniformer_to_released(state)
    elif num_classes and name.startswith("masked"):
        state = classifier_to_released(state)
    fill(state)
    if name.startswith("masked") and num_classes is None:
        masks = sample_tubes(1, network.encoder.grid, 0.9, "cpu")
        answer = network(torch.randn(1, 3, 16, 224, 224), masks)
    elif name.startswith("multimodal"):
        size = network.input.size
        answer = network(torch.randn(1, 3, 8, size, size), torch.tensor([[49406, 320, 1929, 49407, *[0] * 73]]))
    else:
        spec = network.input
        parts = [torch.randn(1, 3, part.num_frames, part.size, part.size) for part in getattr(spec, "parts", [spec])]
        answer = network(tuple(parts) if hasattr(spec, "parts") else parts[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kilobytes on Linux
    return {"peak": peak, "parameters": parameters(network) / 1e9, "finite": float(answer.isfinite().all())}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "num_classes"), sorted(FULL, key=str))
def test_full_size_runs_within_little_more_memory_than_its_weights(name, num_classes):
    code = f"from tests.models.test_full_size import *; print(json.dumps(run({name!r}, {num_classes})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["finite"] == 1
    assert found["peak"] < 4 * found["parameters"] + OVERHEAD, found
