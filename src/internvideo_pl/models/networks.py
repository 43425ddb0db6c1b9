"""Networks as data: the config from which each kind of network is built again, and that config of a built network.

A saved model is its kind, its config and its tensors; nothing of it is code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import nn

from internvideo_pl.backbones.coordinate import CoordinateConfig, CoordinatedEncoder
from internvideo_pl.backbones.features import InputSpec, JointInput
from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder, MaskedDecoderConfig
from internvideo_pl.backbones.masked_vit import MaskedEncoder, MaskedViTConfig
from internvideo_pl.backbones.multimodal import MultimodalConfig, MultimodalEncoder
from internvideo_pl.backbones.video_tower import VideoTower, VideoTowerConfig
from internvideo_pl.errors import UserError
from internvideo_pl.heads.answer import AnswerHeadConfig, QuestionAnswerer
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.heads.coordinated import CoordinatedClassifier, InternVideoT, LogitEnsemble


@dataclass(kw_only=True)
class AutoencoderConfig:
    """A masked autoencoder."""

    encoder: MaskedViTConfig
    decoder: MaskedDecoderConfig


@dataclass(kw_only=True)
class MaskedClassifierConfig:
    """A masked encoder with a classifier."""

    encoder: MaskedViTConfig
    head: ClassifyHeadConfig
    num_classes: int


@dataclass(kw_only=True)
class TowerClassifierConfig:
    """UniFormerV2: a video tower with a classifier."""

    tower: VideoTowerConfig
    head: ClassifyHeadConfig
    num_classes: int


@dataclass(kw_only=True)
class QuestionAnswererConfig:
    """A multimodal encoder with an answer head."""

    encoder: MultimodalConfig
    head: AnswerHeadConfig
    num_answers: int


@dataclass(kw_only=True)
class CoordinatedConfig:
    """Two coordinated encoders with their classifiers (InternVideo-D)."""

    masked: MaskedViTConfig
    multimodal: VideoTowerConfig
    coordinate: CoordinateConfig
    masked_head: ClassifyHeadConfig
    multimodal_head: ClassifyHeadConfig
    num_classes: int


@dataclass(kw_only=True)
class InternVideoTConfig:
    """Coordinated encoders and a second video tower (InternVideo-T)."""

    coordinated: CoordinatedConfig
    second: TowerClassifierConfig


@dataclass(kw_only=True)
class EnsembleConfig:
    """Two classifiers whose logits are summed."""

    masked: MaskedClassifierConfig
    multimodal: TowerClassifierConfig


def _autoencoder(config: AutoencoderConfig) -> MaskedAutoencoder:
    return MaskedAutoencoder(MaskedEncoder(config.encoder), config.decoder)


def _masked_classifier(config: MaskedClassifierConfig) -> Classifier:
    return Classifier(MaskedEncoder(config.encoder), config.num_classes, config.head)


def _tower_classifier(config: TowerClassifierConfig) -> Classifier:
    return Classifier(VideoTower(config.tower), config.num_classes, config.head)


def _question_answerer(config: QuestionAnswererConfig) -> QuestionAnswerer:
    return QuestionAnswerer(MultimodalEncoder(config.encoder), config.num_answers, config.head)


def _coordinated(config: CoordinatedConfig) -> CoordinatedClassifier:
    masked = Classifier(MaskedEncoder(config.masked), config.num_classes, config.masked_head)
    multimodal = Classifier(VideoTower(config.multimodal), config.num_classes, config.multimodal_head)
    joined = CoordinatedEncoder(masked.backbone, multimodal.backbone, config.coordinate)
    return CoordinatedClassifier(joined, multimodal.head, masked.head, config.masked_head.dropout)


def _internvideo_t(config: InternVideoTConfig) -> InternVideoT:
    second = _tower_classifier(config.second)
    return InternVideoT(_coordinated(config.coordinated), second, config.second.head.dropout)


def _ensemble(config: EnsembleConfig) -> LogitEnsemble:
    return LogitEnsemble([_masked_classifier(config.masked), _tower_classifier(config.multimodal)])


class Kind(NamedTuple):
    """One kind of network: the dataclass of its config, and how it is built from one."""

    config: type
    build: Callable[[Any], nn.Module]


KINDS: dict[str, Kind] = {
    "masked_encoder": Kind(MaskedViTConfig, MaskedEncoder),
    "masked_autoencoder": Kind(AutoencoderConfig, _autoencoder),
    "masked_classifier": Kind(MaskedClassifierConfig, _masked_classifier),
    "video_tower": Kind(VideoTowerConfig, VideoTower),
    "video_tower_classifier": Kind(TowerClassifierConfig, _tower_classifier),
    "multimodal": Kind(MultimodalConfig, MultimodalEncoder),
    "question_answerer": Kind(QuestionAnswererConfig, _question_answerer),
    "coordinated": Kind(CoordinatedConfig, _coordinated),
    "internvideo_t": Kind(InternVideoTConfig, _internvideo_t),
    "ensemble": Kind(EnsembleConfig, _ensemble),
}


def describe(network: nn.Module) -> tuple[str, Any]:
    """The kind of a network and the config that builds it again, with other weights.

    Raises:
        UserError: It is of no kind that can be saved as a model.
    """
    match network:
        case MaskedEncoder():
            return "masked_encoder", network.config
        case VideoTower():
            return "video_tower", network.config
        case MultimodalEncoder():
            return "multimodal", network.config
        case MaskedAutoencoder(encoder=encoder, decoder=decoder):
            return "masked_autoencoder", AutoencoderConfig(encoder=encoder.config, decoder=decoder.config)
        case Classifier(backbone=MaskedEncoder()):
            return "masked_classifier", _of_masked(network)
        case Classifier(backbone=VideoTower() as tower, head=head):
            return "video_tower_classifier", _of_tower(tower, head)
        case QuestionAnswerer():
            return "question_answerer", _of_answerer(network)
        case CoordinatedClassifier():
            return "coordinated", _of_coordinated(network)
        case InternVideoT(coordinated=coordinated, second=tower, second_head=head):
            config = InternVideoTConfig(coordinated=_of_coordinated(coordinated), second=_of_tower(tower, head))
            return "internvideo_t", config
        case LogitEnsemble():
            return "ensemble", _of_ensemble(network)
    raise UserError(f"a {type(network).__name__} is none of the models that can be saved: {', '.join(KINDS)}.")


def _of_masked(network: Any) -> MaskedClassifierConfig:
    head = network.head
    return MaskedClassifierConfig(encoder=network.backbone.config, head=head.config, num_classes=head.out_features)


def _of_tower(tower: Any, head: Any) -> TowerClassifierConfig:
    return TowerClassifierConfig(tower=tower.config, head=head.config, num_classes=head.out_features)


def _of_ensemble(network: Any) -> EnsembleConfig:
    masked, multimodal = network.models
    tower = _of_tower(multimodal.backbone, multimodal.head)
    return EnsembleConfig(masked=_of_masked(masked), multimodal=tower)


def _of_answerer(network: Any) -> QuestionAnswererConfig:
    layers = network.head.layers
    head = AnswerHeadConfig(dropout=layers[0].p)
    return QuestionAnswererConfig(encoder=network.encoder.config, head=head, num_answers=layers[-1].out_features)


def _of_coordinated(network: CoordinatedClassifier) -> CoordinatedConfig:
    return CoordinatedConfig(
        masked=network.backbone.masked.config,
        multimodal=network.backbone.tower_config,
        coordinate=network.backbone.config,
        masked_head=network.masked_head.config,
        multimodal_head=network.multimodal_head.config,
        num_classes=network.masked_head.out_features,
    )


def num_classes(config: Any) -> int | None:
    """Outputs of a network's classifier, by the network's config; None where it has none."""
    for inner in ("coordinated", "masked"):
        part = getattr(config, inner, None)
        if isinstance(part, CoordinatedConfig | MaskedClassifierConfig):
            return part.num_classes
    return getattr(config, "num_classes", getattr(config, "num_answers", None))


def input_of(network: Any) -> InputSpec | JointInput:
    """The clips that a network of any kind reads."""
    return (network.encoder if isinstance(network, MaskedAutoencoder) else network).input
