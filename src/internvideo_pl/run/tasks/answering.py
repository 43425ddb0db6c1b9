"""Answering questions about videos, and choosing the sentence that describes one."""

from dataclasses import dataclass
from typing import Any, Literal

from internvideo_pl.backbones.choices import MultimodalChoice
from internvideo_pl.config import Experiment
from internvideo_pl.data.choices import ChoiceData
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.questions import QuestionData
from internvideo_pl.errors import UserError
from internvideo_pl.heads.answer import QuestionAnswerer
from internvideo_pl.modules.answering import ChoiceAnswering, Counting, QuestionAnswering
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.multiple_choice import MultipleChoice
from internvideo_pl.objectives.align import Alignment, AlignmentConfig
from internvideo_pl.objectives.answer import Answering, AnsweringConfig
from internvideo_pl.run.tasks.task import Parents, Task, start


@dataclass(kw_only=True)
class Answer(AnsweringConfig):
    """Open-ended question answering; wants a multimodal backbone and a dataset of questions."""

    name: Literal["answer"] = "answer"


@dataclass(kw_only=True)
class Choose(AnsweringConfig):
    """Questions with a few answers to choose from."""

    name: Literal["choose"] = "choose"


@dataclass(kw_only=True)
class Count(AnsweringConfig):
    """Questions that ask for a count, as a regression."""

    name: Literal["count"] = "count"


@dataclass(kw_only=True)
class Describe(AlignmentConfig):
    """Multiple choice by text-video similarity; trains by alignment where it trains."""

    name: Literal["multiple_choice"] = "multiple_choice"


def _answerer(experiment: Experiment, num_answers: int, parents: Parents) -> Answering:
    model = QuestionAnswerer(experiment.backbone.build(), num_answers, experiment.objective.head)
    start(model, parents)
    return Answering(model)


def _answer(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    if isinstance(data, VideoData) and not isinstance(data, QuestionData):  # plans build from facts alone
        raise _unfit(experiment, "questions with open answers, such as msrvtt_qa")
    return QuestionAnswering(_answerer(experiment, len(data.classes), parents), **optimisation)


def _choose(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    if isinstance(data, VideoData) and not isinstance(data, ChoiceData):
        raise _unfit(experiment, "questions with options, such as tgif_action")
    return ChoiceAnswering(_answerer(experiment, 1, parents), **optimisation)


def _count(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    if data.facts.task != "counting":
        raise _unfit(experiment, "questions that ask for a count, such as tgif_count")
    return Counting(_answerer(experiment, 1, parents), **optimisation)


def _describe(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    if isinstance(data, VideoData) and not isinstance(data, ChoiceData):
        raise _unfit(experiment, "videos with sentences to choose from, such as msrvtt_mc")
    encoder = experiment.backbone.build()
    start(encoder, parents)
    return MultipleChoice(Alignment(encoder, experiment.objective), **optimisation)


def _unfit(experiment: Experiment, wanted: str) -> UserError:
    return UserError(
        f"objective {experiment.objective.name!r} wants {wanted}, not {experiment.data.name}: choose another data.name"
    )


ANSWER = Task(Answer, (MultimodalChoice,), _answer)
CHOOSE = Task(Choose, (MultimodalChoice,), _choose)
COUNT = Task(Count, (MultimodalChoice,), _count)
MULTIPLE_CHOICE = Task(Describe, (MultimodalChoice,), _describe)
