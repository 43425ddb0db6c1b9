"""The kinds of network that weights belong to, and how each is built.

The keys of `BUILD` name kinds everywhere in this package; the arguments of its functions are a network's parts.
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from internvideo_pl.backbones.coordinate import CoordinatedEncoder
from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.backbones.video_tower import VideoTower
from internvideo_pl.heads.answer import QuestionAnswerer
from internvideo_pl.heads.classify import Classifier
from internvideo_pl.heads.coordinated import CoordinatedClassifier, InternVideoT

Parts = dict[str, Any]


def _autoencoder(encoder: Any, decoder: Any) -> nn.Module:
    return MaskedAutoencoder(MaskedEncoder(encoder), decoder)


def _masked_classifier(encoder: Any, head: Any, num_classes: int) -> nn.Module:
    return Classifier(MaskedEncoder(encoder), num_classes, head)


def _tower_classifier(tower: Any, head: Any, num_classes: int) -> Classifier:
    return Classifier(VideoTower(tower), num_classes, head)


def _coordinated(
    masked: Any, multimodal: Any, coordinate: Any, masked_head: Any, multimodal_head: Any, num_classes: int
) -> CoordinatedClassifier:
    first = Classifier(MaskedEncoder(masked), num_classes, masked_head)
    second = Classifier(VideoTower(multimodal), num_classes, multimodal_head)
    joined = CoordinatedEncoder(first.backbone, second.backbone, coordinate)
    return CoordinatedClassifier(joined, second.head, first.head, masked_head.dropout)


def _internvideo_t(coordinated: Parts, second: Parts) -> nn.Module:
    return InternVideoT(_coordinated(**coordinated), _tower_classifier(**second))


def _question_answerer(encoder: Any, head: Any, num_answers: int) -> nn.Module:
    return QuestionAnswerer(MultimodalEncoder(encoder), num_answers, head)


BUILD: dict[str, Callable[..., nn.Module]] = {
    "masked_encoder": lambda encoder: MaskedEncoder(encoder),
    "masked_autoencoder": _autoencoder,
    "masked_classifier": _masked_classifier,
    "video_tower": lambda tower: VideoTower(tower),
    "video_tower_classifier": _tower_classifier,
    "multimodal": lambda encoder: MultimodalEncoder(encoder),
    "question_answerer": _question_answerer,
    "coordinated": _coordinated,
    "internvideo_t": _internvideo_t,
}


def kind_of(model: nn.Module) -> str | None:
    """The kind of a network; None for one that is none of them."""
    match model:
        case MaskedEncoder():
            return "masked_encoder"
        case MaskedAutoencoder():
            return "masked_autoencoder"
        case VideoTower():
            return "video_tower"
        case MultimodalEncoder():
            return "multimodal"
        case QuestionAnswerer():
            return "question_answerer"
        case CoordinatedEncoder():
            return "coordinated_encoder"  # which no file holds by itself
        case CoordinatedClassifier():
            return "coordinated"
        case InternVideoT():
            return "internvideo_t"
        case Classifier(backbone=MaskedEncoder()):
            return "masked_classifier"
        case Classifier(backbone=VideoTower()):
            return "video_tower_classifier"
    return None
