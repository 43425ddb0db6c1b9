"""Names, shapes and parameter counts of the full sizes against the classes of InternVideo's public release."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.backbones.multimodal_sizes import MOTION_VIDEO_TOWER, MULTIMODAL, VIDEO_TOWER
from internvideo_pl.backbones.released_multimodal import (
    multimodal_config_from,
    multimodal_from_released,
    multimodal_to_released,
    uniformer_from_released,
    uniformer_to_released,
)
from internvideo_pl.backbones.video_tower import VideoTower, VideoTowerConfig
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig

HERE = Path(__file__).parent
UNIFORMER_HEAD = ClassifyHeadConfig(dropout=0.5, init_scale=1.0, norm=True)


def key_list(name: str) -> dict[str, tuple[int, ...]]:
    rows = [row.split("\t") for row in (HERE / "keys" / f"{name}.txt").read_text().splitlines() if row[0] != "#"]
    return {key: tuple(json.loads(shape)) for key, shape, *_ in rows}


def shapes(state: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}


def on_meta(build: Any, *args: Any) -> nn.Module:
    with torch.device("meta"):
        model: nn.Module = build(*args)
    return model


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("internvideo_mm_b16_dec4", "base"),
        ("internvideo_mm_l14_dec4", "large"),
        ("internvideo_mm_l14_dec6", "large_6"),
    ],
)
def test_multimodal_names(name: str, size: str) -> None:
    state = on_meta(MultimodalEncoder, MULTIMODAL[size]).state_dict()
    released = multimodal_to_released(state)
    assert shapes(released) == key_list(name)
    assert shapes(multimodal_from_released(released)) == shapes(state)
    assert multimodal_config_from(state) == MULTIMODAL[size]


@pytest.mark.parametrize(
    ("name", "config", "classes"),
    [
        ("uniformerv2_k710_b16_f8", VIDEO_TOWER["base"], 710),
        ("uniformerv2_k710_l14_f8", VIDEO_TOWER["large"], 710),
        ("uniformerv2_ssv2_b16_f16", replace(MOTION_VIDEO_TOWER["base"], num_frames=16), 174),
    ],
)
def test_uniformer_names(name: str, config: VideoTowerConfig, classes: int) -> None:
    state = on_meta(lambda: Classifier(VideoTower(config), classes, UNIFORMER_HEAD)).state_dict()
    released = uniformer_to_released(state)
    assert shapes(released) == key_list(name)
    assert shapes(uniformer_from_released(released)) == shapes(state)


@pytest.mark.parametrize(
    ("size", "millions"), [("base", 234.3), ("large", 585.1), ("large_6", 618.5)]
)  # counted on the public release's classes
def test_multimodal_parameters(size: str, millions: float) -> None:
    count = sum(p.numel() for p in on_meta(MultimodalEncoder, MULTIMODAL[size]).parameters())
    assert round(count / 1e6, 1) == millions


@pytest.mark.parametrize(
    ("config", "classes", "millions"),
    [
        (VIDEO_TOWER["base"], 710, 114.8),
        (VIDEO_TOWER["large"], 710, 354.4),
        (MOTION_VIDEO_TOWER["base"], 174, 134.5),
    ],
)
def test_uniformer_parameters(config: VideoTowerConfig, classes: int, millions: float) -> None:
    model = on_meta(lambda: Classifier(VideoTower(config), classes, UNIFORMER_HEAD))
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == millions
