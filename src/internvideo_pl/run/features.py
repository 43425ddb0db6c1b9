"""Features of a frozen backbone, computed before a probe trains and found again by the next one.

They lie in `<paths.cache>/features/<key>/`, where the key is a hash of everything that decides them: the backbone's
weights and clip, how videos are read, and which. Another head, another rate or another seed finds them there.
"""

import hashlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from internvideo_pl.config import Experiment
from internvideo_pl.data.cached.module import CachedData
from internvideo_pl.data.cached.store import Store
from internvideo_pl.data.cached.write import fill_store
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.sampling import SamplingConfig
from internvideo_pl.heads.attentive import AttentiveClassifier
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.probe import Probing

FORMAT = 1  # raise it whenever the same key would give other features
SPLITS = ("train", "test")


def with_features(experiment: Experiment, data: VideoData, module: VideoModule, trains: bool) -> VideoData:
    """The dataset with its features where the experiment probes cached ones; else the dataset itself.

    Args:
        experiment: Checked config.
        data: The dataset.
        module: With its weights; encodes on a GPU where the experiment may use one.
        trains: Whether the training list is needed.
    """
    if not (isinstance(module, Probing) and experiment.objective.cache):
        return data
    device = _device(experiment)
    module.to(device).eval()
    stores = {}
    for split in SPLITS if trains else SPLITS[1:]:
        folder = experiment.paths.cache / "features" / feature_key(module, data, split)
        folder.mkdir(parents=True, exist_ok=True)
        store = stores[split] = Store(folder, split, len(data.split(split).samples))
        store.load()
        started = time.monotonic()
        read = fill_store(store, data, lambda video: module.encode(video.to(device)))
        found = f"{store.videos - read} found, {read} computed in {time.monotonic() - started:.1f} s"
        print(f"features of {store.videos} {split} videos in {folder}: {found}", file=sys.stderr, flush=True)
    module.to("cpu").train()
    return CachedData(data, stores)


def feature_key(module: Probing, data: VideoData, split: str) -> str:
    """Sixteen hexadecimal digits that change with everything that decides the features of a split."""
    model: Any = module.model
    config = data.config
    reading = {name: getattr(config, name) for name in asdict(SamplingConfig(num_frames=1))}
    parts = {
        "format": FORMAT,
        "weights": weights_hash(model.backbone),
        "clip": asdict(model.input),
        "of": "tokens" if isinstance(model, AttentiveClassifier) else "pooled",
        "reading": {**reading, "size": config.size, "crops": config.test_crops},
        "dataset": data.facts.name,
        "videos": _list_hash(data, split),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def weights_hash(module: nn.Module) -> str:
    """SHA-256 of all tensors of a module and their names."""
    total = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        total.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        total.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _list_hash(data: VideoData, split: str) -> str:
    """SHA-256 of a split's keys, and of the size and time of change of their files where they are files."""
    total = hashlib.sha256()
    for sample in data.split(split).samples:
        path = Path(sample.path)
        state = path.stat() if path.exists() else None
        total.update(f"{sample.key}\0{sample.path}\0".encode("utf-8", "surrogateescape"))
        total.update(f"{(state.st_size, state.st_mtime_ns) if state else ''}\n".encode())
    return total.hexdigest()


def _device(experiment: Experiment) -> torch.device:
    on_gpu = experiment.trainer.accelerator != "cpu" and torch.cuda.is_available()
    return torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")
