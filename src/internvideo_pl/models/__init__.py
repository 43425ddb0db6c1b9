"""Models as a person uses them: by name, path or hub id.

>>> from internvideo_pl.models import load
>>> model = load("internvideo_mm_l14")
>>> model.similarity("clip.mp4", ["a dog runs", "a cat sleeps"]).softmax(dim=1)
"""

from internvideo_pl.models.answerer import AnswerModel
from internvideo_pl.models.kinds import wrap
from internvideo_pl.models.loader import load
from internvideo_pl.models.masked import MaskedModel, Reconstruction
from internvideo_pl.models.model import VideoModel
from internvideo_pl.models.multimodal import MultimodalModel
from internvideo_pl.models.recognizer import Guess, Recognizer

__all__ = [
    "AnswerModel",
    "Guess",
    "MaskedModel",
    "MultimodalModel",
    "Recognizer",
    "Reconstruction",
    "VideoModel",
    "load",
    "wrap",
]
