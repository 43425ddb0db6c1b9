"""What a person uses each kind of network as."""

from torch import nn

from internvideo_pl.errors import UserError
from internvideo_pl.models.answerer import AnswerModel
from internvideo_pl.models.config import ModelConfig
from internvideo_pl.models.masked import MaskedModel
from internvideo_pl.models.model import VideoModel
from internvideo_pl.models.multimodal import MultimodalModel
from internvideo_pl.models.networks import num_classes
from internvideo_pl.models.recognizer import Recognizer

MODELS: dict[str, type[VideoModel]] = {
    "masked_encoder": VideoModel,
    "masked_autoencoder": MaskedModel,
    "masked_classifier": Recognizer,
    "video_tower": VideoModel,
    "video_tower_classifier": Recognizer,
    "multimodal": MultimodalModel,
    "question_answerer": AnswerModel,
    "coordinated": Recognizer,
    "internvideo_t": Recognizer,
    "ensemble": Recognizer,
}
"""Kind of network to what a person uses it as."""


def wrap(network: nn.Module, config: ModelConfig | None = None) -> VideoModel:
    """A network as the model of its kind.

    Args:
        network: With its weights.
        config: By default what `ModelConfig.of` finds.

    Raises:
        UserError: The network is of no kind that is a model, or there are not as many class names as classes.
    """
    config = config or ModelConfig.of(network)
    count = num_classes(config.network)
    if config.classes is not None and len(config.classes) != count:
        has = f"has {count}" if count else "has no classifier"
        raise UserError(f"{len(config.classes)} class names do not fit a {config.kind}, which {has}.")
    return MODELS[config.kind](network, config)
