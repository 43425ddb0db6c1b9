"""Pictures of what a model does in its test, completed clips, captions and walks, and of what it was trained on.

Shapes: S shown clips, T frames, H height, W width.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import Dataset

from internvideo_pl.backbones.sharding import in_parts
from internvideo_pl.callbacks.insight import recognition_insight, similarity_map
from internvideo_pl.callbacks.pictures import Preview, Strip, filmstrip
from internvideo_pl.callbacks.routes import Route, draw_routes
from internvideo_pl.callbacks.run_curves import ends_of_quarters
from internvideo_pl.callbacks.shown import draw, log_preview
from internvideo_pl.data.batch import Batch, collate
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.order import Draw
from internvideo_pl.heads.caption import CaptionSearchConfig, write_captions
from internvideo_pl.metrics.retrieval import Answer
from internvideo_pl.modules.align import ContrastiveAlignment
from internvideo_pl.modules.captioning import Captioning
from internvideo_pl.modules.masked import MaskedReconstruction
from internvideo_pl.modules.navigation import VisionLanguageNavigation
from internvideo_pl.modules.recognition import RecognitionTest

SHOWN = 4  # clips in a picture
AUGMENTED = "augmented.png"
AUGMENTED_WORDS = "Training clips as they are cropped, and as the model gets them, before any are mixed."
CAPTION_WIDTH = 400  # pixels beside the frames: sentences want more room than words


class Previews(L.Callback):
    """Draws augmented clips before training, reconstructions on its way, and after the test what it found.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.previews: list[Preview] = []
        self.drawn_at = -1

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Draw what augmentation makes of training clips, where there is any, and no earlier start has drawn it."""
        data: VideoData = trainer.datamodule  # type: ignore[attr-defined]
        drawn = trainer.global_step > 0 and (self.folder / AUGMENTED).is_file()
        if data.config.augment.active and trainer.is_global_zero and not drawn:
            log_preview(augmented_previews(data, self.folder), trainer)

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Of masked pretraining, draw reconstructions at each quarter of the run, to be seen while it trains.

        Not where each process holds a part of the weights: one alone could not run the model.
        """
        if not isinstance(module, MaskedReconstruction) or not trainer.is_global_zero or in_parts(module.objective):
            return
        step = trainer.global_step
        if step == self.drawn_at or step not in ends_of_quarters(module.total_steps):
            return
        self.drawn_at = step
        data: VideoData = trainer.datamodule  # type: ignore[attr-defined]
        shown = _spread(data.shown()).on(module.device)
        if len(shown):
            module.eval()
            with torch.no_grad():
                preview = draw_reconstruction(module, shown, self.folder, f"reconstruction_{step:06d}.png")
            module.train()
            log_preview(preview, trainer, step - 1)  # the last one that was taken

    def on_test_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Draw and log."""
        if not trainer.is_global_zero:
            return
        if (self.folder / AUGMENTED).is_file():  # of this start or an earlier one
            self.previews.append(Preview(self.folder / AUGMENTED, AUGMENTED_WORDS))
        data: VideoData = trainer.datamodule  # type: ignore[attr-defined]
        with torch.no_grad():
            for preview in self._of_test(module, data):
                self.previews.append(preview)
                log_preview(preview, trainer)

    def _of_test(self, module: L.LightningModule, data: VideoData) -> Iterator[Preview]:
        """Pictures of what the test found."""
        clips = data.shown()
        if isinstance(module, RecognitionTest) and module.accuracy.scored is not None:
            yield from recognition_insight(module.accuracy, data.classes, clips, self.folder)
        if type(module) is ContrastiveAlignment:  # and not what trains as it does but is tested otherwise
            yield draw_gallery(module.retrieval.answers, data, clips, self.folder)
            yield from similarity_map(module.retrieval, self.folder)
            if module.objective.encoder.caption_decoder is None:
                return
        drawing = DRAWINGS.get(type(module))
        if drawing is not None and len(batch := _spread(clips).on(module.device)):
            yield drawing(module, batch, self.folder)


def _spread(clips: Dataset) -> Batch:
    """`SHOWN` readable clips from all over the test list, fewer where there are fewer."""
    total = len(clips)  # type: ignore[arg-type]
    step = max(total // SHOWN, 1)
    chosen = [clips[i][0] for i in range(step // 2, total, step)]  # the first view of each
    return collate([clip for clip in chosen if clip.video is not None][:SHOWN])


def _bytes(video: Tensor) -> Tensor:
    """float (S, 3, T, H, W) in [0, 1] to uint8 (S, T, H, W, 3)."""
    return (video.permute(0, 2, 3, 4, 1) * 255).round().to(torch.uint8)


def augmented_previews(data: VideoData, folder: Path) -> Preview:
    """Training clips as they are cropped, and below each what augmentation makes of it."""
    clips: Dataset = data.train_dataloader().dataset
    step = max(len(data.split("train").samples) // SHOWN, 1)
    batch = collate([clips[Draw(0, i * step)] for i in range(SHOWN)])
    augmented = data.augment(batch.video, batch.keys)
    pairs = list(zip(batch.video, augmented, strict=True))[:SHOWN]
    rows = [strip for clip, made in pairs for strip in (Strip("cropped", clip), Strip("augmented", made))]
    return Preview(filmstrip(rows, folder / AUGMENTED, "training clips", group=2), AUGMENTED_WORDS)


def draw_reconstruction(
    module: MaskedReconstruction, batch: Batch, folder: Path, name: str = "reconstruction.png"
) -> Preview:
    """Each clip, what the encoder sees of it, and the decoder's completion."""
    objective = module.objective
    video = objective.input.prepare(batch.video)
    masks = module.masks(batch.index)
    rows = [
        strip
        for clip, sight, completion in zip(*map(_bytes, objective.reconstruct(video, masks)), strict=True)
        for strip in (Strip("video", clip), Strip("what the encoder sees", sight), Strip("completed", completion))
    ]
    hidden = masks.predicted.shape[1] / (masks.predicted.shape[1] + masks.visible.shape[1])
    path = filmstrip(rows, folder / name, f"{hidden:.0%} of the tubes hidden", group=3)
    return Preview(
        path,
        f"Test videos with {hidden:.0%} of their tubes hidden. Completed tubes have the true mean and contrast of each "
        "tube, which the model, trained on normalised tubes, does not predict.",
    )


def draw_captions(module: ContrastiveAlignment, batch: Batch, folder: Path) -> Preview:
    """Each clip with its caption and the one that the model writes."""
    encoder = module.objective.encoder
    video = encoder.input.prepare(batch.video)
    search = CaptionSearchConfig(max_length=encoder.config.text.context_length)
    written = [module.tokenizer.decode(ids) for ids in write_captions(encoder, video, search).ids]
    rows = [Strip(f"{said}\n{truth}", clip) for clip, truth, said in zip(batch.video, batch.text, written, strict=True)]
    title = "captions: the model's, and the true one below"
    path = filmstrip(rows, folder / "captions.png", title, label_width=CAPTION_WIDTH)
    return Preview(
        path, "Test videos with the caption that the model writes (greedy search) and, below it, the true one."
    )


def draw_gallery(answers: Sequence[Answer], data: VideoData, clips: Dataset, folder: Path) -> Preview:
    """Each query with the middle frames of the videos that it finds first, the right one framed in green."""
    samples, rows = data.split("test").samples, []
    for answer in answers:
        texts = samples[answer.owner].texts
        marks = [number == answer.owner for number in answer.best]
        frames = torch.stack([_middle(clips[number][0].video, data.config.size) for number in answer.best])
        rows.append(Strip(texts[answer.text] if data.captions == "all" else texts[0], frames, marks))
    path = filmstrip(rows, folder / "gallery.png", "queries and the videos they find first", label_width=CAPTION_WIDTH)
    return Preview(
        path,
        "Test queries with their five best videos, best first, by cosine without dual softmax: the right video has a "
        "green frame, wrong ones red.",
    )


def _middle(video: Tensor | None, size: int) -> Tensor:
    """The middle frame of a clip; black where the video, which was read before, cannot be read again."""
    return torch.zeros(size, size, 3, dtype=torch.uint8) if video is None else video[len(video) // 2]


def draw_walks(module: VisionLanguageNavigation, batch: Batch, folder: Path) -> Preview:
    """A few of the test's episodes on maps of their houses."""
    routes = []
    for run in module.shown:
        walked = run.walk.positions
        truth = run.episode.truth if run.episode.reference else walked[:1]
        routes.append(Route(run.simulator.plan(), truth, walked, run.episode.instruction, run.verdict))
    return Preview(
        draw(draw_routes(routes), folder / "routes.svg"),
        "Test episodes from above: a dot where the agent starts, a ring around the goal, the shortest path in green, "
        "the agent's walk in red up to the cross where it ended.",
    )


Drawing = Callable[..., Preview]
DRAWINGS: dict[type, Drawing] = {
    MaskedReconstruction: draw_reconstruction,
    ContrastiveAlignment: draw_captions,
    Captioning: draw_captions,
    VisionLanguageNavigation: draw_walks,
}
