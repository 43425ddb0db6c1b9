"""What every model can do for a person: read videos, be saved, be shared, be loaded again.

Shapes: B videos, D feature width.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, Self

import torch
from huggingface_hub import ModelCard, ModelHubMixin
from torch import Tensor, nn

from internvideo_pl.errors import UserError
from internvideo_pl.models.card import write_card
from internvideo_pl.models.config import ModelConfig
from internvideo_pl.models.networks import input_of
from internvideo_pl.models.reading import Videos
from internvideo_pl.weights.tensor_file import write_tensor_file
from internvideo_pl.whole_file import write_whole

CONFIG, WEIGHTS = "config.json", "model.safetensors"  # the hub's names
BATCH = 8

# What only some models can do, and which: the end of the sentence for those that cannot.
WHO_CAN = {
    "encode_text": "models with a text tower can, such as internvideo_mm_l14 or multimodal_base",
    "similarity": "models with a text tower can, such as internvideo_mm_l14 or multimodal_base",
    "caption": "multimodal models with a caption decoder can, such as internvideo_mm_l14 or multimodal_base",
    "reconstruct": "masked autoencoders (encoder and decoder) can, such as internvideo_mae_b or masked_base",
    "classify": "models with a classifier can, such as fine-tuned masked encoders, UniFormerV2 and coordinated "
    "encoders; multimodal models can with classes=[...]",
    "answer": "models fine-tuned for question answering can",
}


class VideoModel(nn.Module, ModelHubMixin):
    """A network with its config: what it is, how videos become its clips, what its classes are called.

    It is in evaluation mode; all its methods work without gradients and answer on the CPU in float32. To train a model,
    use its `network`.

    Args:
        network: Of a kind in `KINDS`, with its weights.
        config: What `ModelConfig.of(network)` gives, with other readings or class names where wanted.
    """

    def __init__(self, network: nn.Module, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.network: Any = network
        self.config = config or ModelConfig.of(network)
        self.eval()

    def encode_video(self, videos: Videos, batch_size: int = BATCH) -> Tensor:
        """Videos as vectors.

        Args:
            videos: A file, frames as uint8 (F, H, W, 3), several videos' frames (B, F, H, W, 3), or a list of files and
                frames. Frames are sampled as `config.reading` says unless there are exactly as many as the model reads.
            batch_size: Videos that pass through the model together.

        Returns:
            float32 (B, D), not normalised; B is 1 for one video.

        Raises:
            UserError: A video cannot be read, or the frames are no RGB bytes.
        """
        return self._over(videos, batch_size, self._pooled)

    def encode_text(self, texts: list[str] | str, batch_size: int = BATCH) -> Tensor:
        """Sentences as vectors; see `MultimodalModel`."""
        self._cannot("encode_text")

    def similarity(self, videos: Videos, texts: list[str] | str, batch_size: int = BATCH) -> Tensor:
        """How well sentences fit videos; see `MultimodalModel`."""
        self._cannot("similarity")

    def caption(self, videos: Videos, **settings: Any) -> list[str]:
        """A sentence for each video; see `MultimodalModel`."""
        self._cannot("caption")

    def reconstruct(self, videos: Videos, **settings: Any) -> Any:
        """Videos completed from a few of their tubes; see `MaskedModel`."""
        self._cannot("reconstruct")

    def classify(self, videos: Videos, **settings: Any) -> Any:
        """The likeliest classes of each video; see `Recognizer` and `MultimodalModel`."""
        self._cannot("classify")

    def answer(self, videos: Videos, questions: list[str] | str, **settings: Any) -> Any:
        """Answers to questions about videos; see `AnswerModel`."""
        self._cannot("answer")

    def label_names(self, count: int) -> list[str]:
        """Names of a classifier's `count` outputs: the config's, or "class 0" and so on where it has none."""
        return self.config.classes or [f"class {k}" for k in range(count)]

    def _cannot(self, ability: str) -> NoReturn:
        raise UserError(f"a {self.config.kind} model cannot {ability}: {WHO_CAN[ability]}.")

    def _pooled(self, clip: Any) -> Tensor:
        return self.network(clip).pooled

    def _over(self, videos: Videos, batch_size: int, function: Callable[[Any], Tensor]) -> Tensor:
        """A function of prepared clips, over all videos; float32 on the CPU, fit to train something on."""
        with torch.inference_mode():
            found = [self._finite(function(clip)) for clip in self._clips(videos, batch_size)]
        return torch.cat(found)  # outside: what inference mode makes could not be trained on

    def _clips(self, videos: Videos, batch_size: int) -> Iterator[Any]:
        """Prepared batches as the network takes them: on its device, in its precision."""
        weight = next(self.network.parameters())
        spec = input_of(self.network)
        for batch in self.config.reading.batches(videos, batch_size):
            clip = spec.prepare(batch.to(weight.device))
            yield tuple(part.to(weight.dtype) for part in clip) if isinstance(clip, tuple) else clip.to(weight.dtype)

    def _finite(self, value: Tensor) -> Tensor:
        value = value.float().cpu()
        if not value.isfinite().all():
            raise UserError(
                f"the model's answer is not finite in {next(self.network.parameters()).dtype}: its weights are "
                "damaged, or float16 is too narrow for them (try bfloat16 or float32)."
            )
        return value

    def _save_pretrained(self, save_directory: Path) -> None:
        """Weights and config, each written whole under a temporary name and then renamed."""
        write_tensor_file(
            self.network.state_dict(), save_directory / WEIGHTS, self.config.to_note(), self.config.lineage
        )
        write_whole(save_directory / CONFIG, self.config.to_json())

    def generate_model_card(self, *args: Any, **facts: Any) -> ModelCard:
        """The README.md beside the weights.

        Args:
            args: None; the hub's signature.
            facts: As `write_card`: `title`, `data`, `license`, `metrics`, `note`.
        """
        return ModelCard(write_card(self.config, self.network, **facts))

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, **options: Any) -> Self:
        """The model that `save_pretrained` wrote into a folder or `push_to_hub` put on the hub.

        Args:
            pretrained_model_name_or_path: A folder, or "owner/name".
            options: As `load`: `device`, `dtype`, `revision`, `token`.

        Raises:
            UserError: There is no such model, it is damaged, or it is not of this class.
        """
        from internvideo_pl.models.saved import load_saved  # that file knows all classes, this one among them

        model = load_saved(pretrained_model_name_or_path, **options)
        if not isinstance(model, cls):
            raise UserError(
                f"{pretrained_model_name_or_path} holds a {type(model).__name__}, not a {cls.__name__}: "
                f"load it with {type(model).__name__}.from_pretrained."
            )
        return model
