"""Models with classifiers as a person uses them: the likeliest classes of a video.

Shapes: B videos, K classes, D feature width.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier
from internvideo_pl.heads.coordinated import CoordinatedClassifier, InternVideoT
from internvideo_pl.models.model import BATCH, VideoModel
from internvideo_pl.models.reading import Videos


class Guess(NamedTuple):
    """A class and how likely it is.

    Attributes:
        label: The class's name; "class 17" where names are not known.
        probability: In [0, 1].
    """

    label: str
    probability: float


def best(probabilities: Tensor, classes: Sequence[str], top: int) -> list[list[Guess]]:
    """The `top` likeliest classes of each video, likeliest first.

    Args:
        probabilities: (B, K).
        classes: K names.
        top: At least 1; at most K are given.

    Raises:
        UserError: `top` is below 1.
    """
    if top < 1:
        raise UserError(f"top={top} must be at least 1.")
    values, indices = probabilities.topk(min(top, len(classes)), dim=1)
    return [
        [Guess(classes[k], p) for p, k in zip(row, chosen, strict=True)]
        for row, chosen in zip(values.tolist(), indices.tolist(), strict=True)
    ]


class Recognizer(VideoModel):
    """A fine-tuned encoder, coordinated encoders or an ensemble, with classes.

    `encode_video` gives what the classifiers read; of several encoders the features stand side by side, the multimodal
    class token first in coordinated ones.
    """

    def classify(  # type: ignore[override]
        self, videos: Videos, *, top: int = 5, batch_size: int = BATCH
    ) -> list[list[Guess]]:
        """The likeliest classes, from one clip of each video (the paper's figures average several).

        Args:
            videos: As for `encode_video`.
            top: Guesses a video, the likeliest first.
            batch_size: Videos that pass through the model together.

        Raises:
            UserError: A video cannot be read.
        """
        logits = self._over(videos, batch_size, self.network)
        return best(logits.softmax(dim=1), self.label_names(logits.shape[1]), top)

    def _pooled(self, clip: Any) -> Tensor:
        return _pooled(self.network, clip)


def _pooled(network: Any, clip: Any) -> Tensor:
    match network:
        case Classifier():
            return network.backbone(clip).pooled
        case CoordinatedClassifier():
            features = network.backbone(clip)
            return torch.cat([features.class_token, features.pooled], dim=1)
        case InternVideoT():
            return torch.cat([_pooled(network.coordinated, clip[:-1]), network.second(clip[-1]).pooled], dim=1)
    return torch.cat([_pooled(model, part) for model, part in zip(network.models, clip, strict=True)], dim=1)
