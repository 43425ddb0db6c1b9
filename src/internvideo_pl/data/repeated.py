"""Test clips of lists that name a video again and again, as lists of questions do: neighbours share one reading."""

from collections.abc import Sequence
from dataclasses import replace

from internvideo_pl.data.batch import Clip, Sample
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig, EvaluationClips


class RepeatedClips(EvaluationClips):
    """As `EvaluationClips`; a sample of the same video as the one before gets the same pictures, or the same fault.

    MSRVTT-QA asks 72,821 questions about 2,990 videos in their order: all but 2,990 readings are saved. A loader's
    worker reads whole batches, so that it has neighbours too.
    """

    def __init__(self, samples: Sequence[Sample], config: ClipConfig, cache: FrameCache):
        super().__init__(samples, config, cache)
        self._path: str | None = None
        self._clips: list[Clip] = []

    def __getitem__(self, index: int) -> list[Clip]:
        """The views of a sample."""
        sample = self.samples[index]
        if sample.path != self._path:
            self._path, self._clips = sample.path, super().__getitem__(index)
        text = sample.texts[0] if sample.texts else ""
        return [
            replace(clip, index=index, label=sample.label, text=text, annotation=sample.annotation)
            for clip in self._clips
        ]
