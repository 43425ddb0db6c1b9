"""What experiments can be about: one file a family of tasks."""

from internvideo_pl.run.tasks.answering import ANSWER, CHOOSE, COUNT, MULTIPLE_CHOICE
from internvideo_pl.run.tasks.anticipation import ANTICIPATE
from internvideo_pl.run.tasks.box_actions import BOX_ACTIONS
from internvideo_pl.run.tasks.captioning import CAPTION
from internvideo_pl.run.tasks.detection import DETECT
from internvideo_pl.run.tasks.ego4d import HANDS, MOMENTS, QUERIES
from internvideo_pl.run.tasks.localization import EXTRACT, LOCALIZE, PROPOSE
from internvideo_pl.run.tasks.navigation import NAVIGATE
from internvideo_pl.run.tasks.open_set import OPEN_SET
from internvideo_pl.run.tasks.pretraining import ALIGN, MASKED
from internvideo_pl.run.tasks.probe import PROBE
from internvideo_pl.run.tasks.recognition import COORDINATE, SUPERVISED, ZERO_SHOT
from internvideo_pl.run.tasks.retrieval import RETRIEVAL
from internvideo_pl.run.tasks.task import Parents, Task

__all__ = ["TASKS", "Parents", "Task"]

# objective.name in an experiment: the task
TASKS: dict[str, Task] = {
    "masked": MASKED,
    "align": ALIGN,
    "retrieval": RETRIEVAL,
    "supervised": SUPERVISED,
    "coordinate": COORDINATE,
    "zero_shot": ZERO_SHOT,
    "navigate": NAVIGATE,
    "answer": ANSWER,
    "choose": CHOOSE,
    "count": COUNT,
    "multiple_choice": MULTIPLE_CHOICE,
    "extract": EXTRACT,
    "localize": LOCALIZE,
    "propose": PROPOSE,
    "open_set": OPEN_SET,
    "probe": PROBE,
    "box_actions": BOX_ACTIONS,
    "caption": CAPTION,
    "anticipate": ANTICIPATE,
    "detect": DETECT,
    "hands": HANDS,
    "queries": QUERIES,
    "moments": MOMENTS,
}
