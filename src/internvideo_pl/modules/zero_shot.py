"""Zero-shot recognition: class names as sentences, compared with the clip (CLIP's protocol, on video).

Shapes: B batch, K classes, P prompts a class, E embedding width.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.data.batch import Batch
from internvideo_pl.modules.align import tokenizer_of
from internvideo_pl.modules.recognition import RecognitionTest
from internvideo_pl.text.prompts import fill_templates, readable

TEXTS_AT_ONCE = 256  # sentences encoded together; K400 has 6,400


class ZeroShotRecognition(RecognitionTest):
    """Tests a multimodal encoder on classes that it never saw labels of; nothing is trained.

    Probabilities are taken for every prompt by itself and then averaged, as in InternVideo's release.

    Args:
        objective: The encoder.
        templates: Sentences with one `{}` for the class name.
        optimisation: See `VideoModule`.
    """

    objective: MultimodalEncoder
    task = "zero_shot_recognition"

    def __init__(self, objective: MultimodalEncoder, templates: tuple[str, ...], **optimisation: Any):
        super().__init__(objective, **optimisation)
        self.templates = templates
        self.tokenizer = tokenizer_of(objective)
        self.prompts = torch.empty(0)  # (P, K, E), unit length

    def on_test_epoch_start(self) -> None:
        """Encodes all prompts once."""
        super().on_test_epoch_start()
        texts = [
            text for filled in fill_templates([*map(readable, self.data.classes)], self.templates) for text in filled
        ]
        parts = [texts[start : start + TEXTS_AT_ONCE] for start in range(0, len(texts), TEXTS_AT_ONCE)]
        encoded = [self.objective.encode_text(self.tokenizer(part).to(self.device)) for part in parts]
        self.prompts = F.normalize(torch.cat(encoded), dim=-1).unflatten(0, (len(self.templates), -1))

    def scores(self, batch: Batch) -> Tensor:
        """Log of the mean over prompts of the class probabilities, (B, K)."""
        video = F.normalize(self.objective.encode_video(self.objective.input.prepare(batch.video)), dim=-1)
        logits = self.objective.scale() * torch.einsum("be,pke->pbk", video, self.prompts)
        return logits.softmax(-1).mean(0).log()

    def extra_protocol(self) -> dict[str, int]:
        """How many prompts a class has."""
        return {"prompts": len(self.templates)}
