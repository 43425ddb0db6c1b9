"""Ego4D natural-language queries: a question about a clip of some eight minutes, when is the answer seen?

    nlq_{train,val,test_unannotated}.json
        {"version", "date", "description", "manifest", "split", "videos": [{"video_uid", "clips": [{"clip_uid",
         "video_start_sec", "video_end_sec", ..., "annotations": [{"annotation_uid", "language_queries": [
         {"clip_start_sec", "clip_end_sec", ..., "template", "query", "slot_x", "verb_x", "raw_tags"}]}]}]}]}
With `data.sampling=windows` a sample is a clip, of which features are made; else it is a query.
The test list has no times.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from data_modules.ego4d import TEST, Ego4dData, Entry, check_split, ego4d_facts, read_annotations
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.features.batch import collate_features
from internvideo_pl.data.features.queries import QueryFeatures, TrainingQueries
from internvideo_pl.data.loader import TrainingLoader, loading
from internvideo_pl.data.module import Split
from internvideo_pl.data.order import EvaluationOrder, TrainingOrder
from internvideo_pl.data.temporal.annotation import Untrimmed
from internvideo_pl.data.temporal.module import LocalizationConfig, LocalizationData

STEM = "nlq"
FACTS = ego4d_facts(
    "Ego4D NLQ",
    "natural-language queries",
    STEM,
    defects=(
        "one query in seven of v1 has a window of nearly no length: no answer overlaps it by more than 0.3",
        "some queries are empty: nobody can answer them, and the official evaluator leaves them out",
        "the key 'split' is not in every copy of the lists",
    ),
)
SHORTEST = 1 / 30  # seconds; the official baseline's --remove_empty_queries_from leaves out windows that are no longer


@dataclass(frozen=True)
class Query:
    """A question about a clip.

    Attributes:
        clip: Which clip.
        annotation_uid: Of the annotator's pass.
        query_idx: Its number in that pass, which the official evaluator counts by.
        question: As `canonical` writes it; "" where nothing is asked.
        window: Seconds of the clip between which the answer is seen; None where it is withheld.
    """

    clip: Untrimmed
    annotation_uid: str
    query_idx: int
    question: str
    window: tuple[float, float] | None

    @property
    def key(self) -> str:
        """One name for it."""
        return f"{self.clip.key}/{self.annotation_uid}/{self.query_idx}"

    def annotation(self) -> dict[str, Any]:
        """As a `Sample` carries it."""
        return {
            "clip_uid": self.clip.key,
            "annotation_uid": self.annotation_uid,
            "query_idx": self.query_idx,
            "query": self.question,
            "window": list(self.window) if self.window else None,
            "duration": self.clip.duration,
        }


def canonical(question: str) -> str:
    """A question as the official baseline writes all of them: lower case, one question mark."""
    words = question.strip(" ").strip("?").lower()
    return f"{words}?" if words else ""


def read_clips(root: Path, split: str) -> Iterator[tuple[Untrimmed, str, float, list[Query]]]:
    """Every clip of a list with its video, its first second in that video, and its queries.

    Raises:
        UserError: The list is not there, or an entry of it cannot be.
    """
    whole = read_annotations(root, FACTS, STEM, split)
    check_split(whole, split)
    seen: dict[str, str] = {}
    for video in whole.each("videos"):
        for entry in video.each("clips"):
            start, end = entry.number("video_start_sec"), entry.number("video_end_sec")
            if end <= start:
                raise entry.wrong(f"ends at second {end:g} of its video, not after its beginning at {start:g}")
            clip = Untrimmed(entry.uid("clip_uid"), split, duration=end - start)
            if clip.key in seen:
                raise entry.wrong(f"repeats the clip {clip.key} of {seen[clip.key]}")
            seen[clip.key] = entry.place
            queries = [query for said in entry.each("annotations") for query in _queries(said, clip, split)]
            yield clip, video.uid("video_uid"), start, queries


def _queries(said: Entry, clip: Untrimmed, split: str) -> Iterator[Query]:
    uid = said.uid("annotation_uid")
    for number, entry in enumerate(said.each("language_queries")):
        question = entry.value.get("query") if isinstance(entry.value, dict) else None
        if question is not None and not isinstance(question, str):
            raise entry.get("query").wrong(f"is {question!r}, not a question")
        asked = canonical(question or "")
        window = None
        if split != TEST and asked:
            window = entry.number("clip_start_sec"), entry.number("clip_end_sec")
        yield Query(clip, uid, number, asked, window)


@dataclass(kw_only=True)
class Ego4dNlqConfig(LocalizationConfig):
    """Ego4D NLQ; `test_on` as in `Ego4dConfig`, and "all" for all lists, to make features of.

    Attributes:
        skip_empty: Whether training queries with a window of no length are left out, as winners of the challenge do.
    """

    skip_empty: bool = True


class Ego4dNlq(Ego4dData, LocalizationData):
    """Ego4D natural-language queries."""

    facts = FACTS
    config: Ego4dNlqConfig

    def videos(self, split: str) -> list[Untrimmed]:
        """The clips of a list, without actions."""
        return [clip for clip, *_ in read_clips(self.root, split)]

    def find(self, split: str) -> dict[str, str]:
        """Where its clips are."""
        footage = self.footage
        places = {
            clip.key: footage.clip(clip.key, video, start, start + (clip.duration or 0.0))
            for clip, video, start, _ in read_clips(self.root, split)
        }
        return {key: place for key, place in places.items() if place is not None}

    def read(self, split: str) -> Split:
        """Clips, to make features of; or queries of clips with features, or with videos as long as there are none.

        An empty query is among the missing ones: it is counted in the list, and never answered.
        """
        if self.config.sampling == "windows":
            return LocalizationData.read(self, split)
        found, files = Split(), self.feature_files
        if files is None:
            files = self.find(self.official_list(split))
        for clip, _, _, queries in read_clips(self.root, self.official_list(split)):
            for query in queries:
                if split == "train" and self._pointless(query):
                    continue
                if clip.key not in files or not query.question:
                    found.missing.append(query.key)
                    continue
                texts = (query.question,)
                found.samples.append(Sample(files[clip.key], query.key, texts=texts, annotation=query.annotation()))
        return found

    def unanswerable(self) -> list[str]:
        """Keys of the empty queries of the list that is tested on."""
        lists = read_clips(self.root, self.official_list("test"))
        return [query.key for _, _, _, queries in lists for query in queries if not query.question]

    def _pointless(self, query: Query) -> bool:
        if not query.question or query.window is None:
            return True
        return self.config.skip_empty and query.window[1] - query.window[0] <= SHORTEST

    @property
    def repeats(self) -> int:
        """Walks over the queries in an epoch: enough for one full batch."""
        return -(-self.config.batch_size // max(len(self.split("train").samples), 1))

    def steps_per_epoch(self) -> int:
        """Batches that one process reads in an epoch when it runs alone."""
        return len(self.split("train").samples) * self.repeats // self.config.batch_size

    def train_dataloader(self) -> TrainingLoader:
        """Shuffled queries with the features of their clips."""
        self._require_features()
        samples, config = self.split("train").samples, self.config
        clips = TrainingQueries(samples, config.features, self.timing, self.more_files, seed=self.seed, offset=0.0)
        loader = TrainingLoader(clips, TrainingOrder(len(samples), self.seed, self.repeats), config)
        loader.collate_fn = partial(collate_features, length=1, multiple=1)
        return loader

    def test_dataloader(self) -> DataLoader:
        """Windows of clips, or queries with the features of their clips."""
        if self.config.sampling == "windows":
            return LocalizationData.test_dataloader(self)
        self._require_features()
        samples, config = self.split("test").samples, self.config
        clips = QueryFeatures(samples, config.features, self.timing, self.more_files)
        collate = partial(collate_features, length=1, multiple=1)
        return DataLoader(clips, sampler=EvaluationOrder(len(samples)), **loading(config) | {"collate_fn": collate})

    @property
    def protocol(self) -> dict[str, str | int]:
        """Of windows as of all clips; of answers, the list."""
        if self.config.sampling == "windows":
            return super().protocol
        return {"dataset": self.facts.name, "split": self.test_list}
