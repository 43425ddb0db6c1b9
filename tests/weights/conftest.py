"""Tiny networks of every kind, all of their values random, and a file in which to keep them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice, TowerChoice
from internvideo_pl.backbones.coordinate import CoordinatedEncoder
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.sizes import COORDINATED, MASKED_VIT
from internvideo_pl.heads.answer import AnswerHeadConfig, QuestionAnswerer
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.heads.coordinated import CoordinatedClassifier, InternVideoT

MASKED, TOWER, MULTIMODAL = MaskedChoice(size="tiny"), TowerChoice(size="tiny"), MultimodalChoice(size="tiny")
NORMED = ClassifyHeadConfig(norm=True)

Build = Callable[[], nn.Module]


def random(model: nn.Module, seed: int = 0) -> nn.Module:
    """Every value drawn anew, so that no two tensors are equal and nothing is silent at zero."""
    generator = torch.Generator().manual_seed(seed)
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.randn(value.shape, generator=generator))
    return model.eval()


def tower_classifier(classes: int = 5, motion: bool = False) -> Classifier:
    return Classifier(TowerChoice(size="tiny", motion=motion).build(), classes, NORMED)


def masked_classifier(classes: int = 5) -> Classifier:
    return Classifier(MASKED.build(), classes, ClassifyHeadConfig())


def coordinated() -> CoordinatedClassifier:
    masked, tower = masked_classifier(), tower_classifier()
    joined = CoordinatedEncoder(masked.backbone, tower.backbone, COORDINATED["tiny"].coordinate)
    return CoordinatedClassifier(joined, tower.head, masked.head)


BUILDERS: dict[str, Build] = {
    "masked_encoder": lambda: MaskedEncoder(replace(MASKED_VIT["tiny"], pooling="tokens")),
    "masked_autoencoder": MASKED.build_autoencoder,
    "masked_classifier": masked_classifier,
    "video_tower": TOWER.build,
    "video_tower_classifier": tower_classifier,
    "multimodal": MULTIMODAL.build,
    "question_answerer": lambda: QuestionAnswerer(MULTIMODAL.build(), 7, AnswerHeadConfig()),
    "coordinated": coordinated,
    "internvideo_t": lambda: InternVideoT(coordinated(), tower_classifier()),
}


def make(kind: str, seed: int = 0) -> nn.Module:
    return random(BUILDERS[kind](), seed)


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def save_in(folder: Path, content: object, name: str = "weights.pth", legacy: bool = False) -> Path:
    torch.save(content, folder / name, _use_new_zipfile_serialization=not legacy)
    return folder / name


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Writes an object as `torch.save` does, and tells where."""
    return partial(save_in, tmp_path)
