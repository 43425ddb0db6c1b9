"""R2R-CE (VLN-CE): Room-to-Room's instructions in continuous scans of buildings, for vision-and-language navigation.

Below the dataset's folder, as jacobkrantz/VLN-CE lays it out:
    R2R_VLNCE_v1-3_preprocessed/<split>/<split>.json.gz      {"episodes": [...], "instruction_vocab": {...}}
    R2R_VLNCE_v1-3_preprocessed/<split>/<split>_gt.json.gz   {"<episode_id>": {"locations", "forward_steps", "actions"}}
    scene_datasets/mp3d/<scene>/<scene>.glb                  Matterport3D's meshes
Splits are train, val_seen, val_unseen and test; the last hides goals, distances, reference paths and ground truth.
v1-2 is read where v1-3 is not there, and the release's copy of v1-2, whose tokens are BERT's, where neither is.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.episode import Episode, Point
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.gzip_json import read_gzip_json
from internvideo_pl.data.module import Split
from internvideo_pl.data.navigation import NavigationConfig, NavigationData
from internvideo_pl.data.official import is_number
from internvideo_pl.errors import UserError

R2R_CE = DatasetFacts(
    name="R2R-CE",
    task="vision-and-language navigation",
    splits={"train": 10819, "val_seen": 778, "val_unseen": 1839, "test": 3408},  # episodes; 61, 53, 11, 18 scenes
    url="https://github.com/jacobkrantz/VLN-CE (episodes) and https://niessner.github.io/Matterport (scenes)",
    licence="episodes: MIT, after Matterport3D's terms",
    terms="scenes: Matterport3D's signed terms, non-commercial research",
    layout=(
        "R2R_VLNCE_v1-3_preprocessed/<split>/<split>.json.gz, <split>_gt.json.gz and "
        "scene_datasets/mp3d/<scene>/<scene>.glb"
    ),
    defects=(
        "the test split has no goals: only the server at eval.ai scores it",
        "success is less than 3 m in the official evaluator and at most 3 m in InternVideo's",
        "InternVideo resamples the ground truth before nDTW, and judges oracle success only where a decision ends",
    ),
)

FOLDERS = (
    "R2R_VLNCE_v1-3_preprocessed",
    "R2R_VLNCE_v1-2_preprocessed",
    "R2R_VLNCE_v1-2_preprocessed_BERTidx",
    ".",
)
SUFFIXES = ("", "_bertidx")
SCENES = ("scene_datasets", "data/scene_datasets")
PAD = 0  # PAD_INDEX of the official vocabulary and of BERT's


@dataclass(kw_only=True)
class R2RCEConfig(NavigationConfig):
    """How episodes are read.

    Attributes:
        test_on: The official list behind the test.
    """

    test_on: Literal["val_unseen", "val_seen", "test"] = "val_unseen"


def read_episodes(path: Path, truth: Mapping[str, Any] | None = None, truth_path: Path | None = None) -> list[Episode]:
    """The episodes of an official file, in its order.

    Args:
        path: `<split>.json.gz`.
        truth: The content of `<split>_gt.json.gz`; None for a split that hides it.
        truth_path: Where that stands, for errors.

    Raises:
        UserError: The file cannot be read, or one of its records is not as it should be: file and record are named.
    """
    content = read_gzip_json(path)
    entries = content.get("episodes") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise UserError(f'{path} must hold {{"episodes": [...]}} with at least one episode; get it anew')
    found: dict[str, Episode] = {}
    for number, entry in enumerate(entries):
        record = _Record(path, f"episodes[{number}]", entry)
        episode = _episode(record, truth, truth_path)
        if episode.key in found:
            raise record.wrong(f"episode_id {episode.key} stands twice")
        found[episode.key] = episode
    return list(found.values())


def read_vocabulary(path: Path) -> list[str]:
    """The words behind `instruction_tokens`, by number; empty for a file that has none (BERT's tokens).

    Raises:
        UserError: The file cannot be read, or its vocabulary is no list of words.
    """
    content = read_gzip_json(path)
    lexicon = content.get("instruction_vocab") if isinstance(content, dict) else None
    if lexicon is None:
        return []
    words = lexicon.get("word_list") if isinstance(lexicon, dict) else None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise UserError(f"{path}, instruction_vocab: word_list must be a list of words; get the file anew")
    return words


@dataclass(frozen=True)
class _Record:
    """One entry of a file, and the words for what is wrong with it."""

    path: Path
    place: str
    value: Any

    def wrong(self, what: str) -> UserError:
        return UserError(f"{self.path}, {self.place}: {what}; get the file anew from {R2R_CE.url}")

    def get(self, key: str, kind: type | tuple[type, ...], words: str) -> Any:
        """A value of the entry that must be there and of a kind."""
        if not isinstance(self.value, dict) or key not in self.value:
            raise self.wrong(f"{key} is missing")
        value = self.value[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(f"{key} must be {words}, not {str(value)[:40]!r}")
        return value

    def inner(self, key: str) -> "_Record":
        return _Record(self.path, f"{self.place}.{key}", self.get(key, dict, "a mapping"))

    def numbers(self, key: str, count: int) -> Any:
        return self.checked(key, self.get(key, list, f"{count} numbers"), count)

    def checked(self, key: str, value: Any, count: int) -> tuple[float, ...]:
        """`count` finite numbers."""
        sound = isinstance(value, list) and len(value) == count
        if not sound or not all(map(is_number, value)):
            raise self.wrong(f"{key} must be {count} finite numbers, not {str(value)[:60]}")
        return tuple(float(item) for item in value)

    def metres(self, key: str) -> float:
        """A length: finite, not negative."""
        value = self.get(key, (int, float), "a number of metres")
        if not is_number(value) or value < 0:
            raise self.wrong(f"{key} must be a finite number of metres, not {str(value)[:40]}")
        return float(value)

    def points(self, key: str) -> tuple[Point, ...]:
        """A list of positions."""
        values = self.get(key, list, "a list of positions")
        points: Any = tuple(self.checked(f"{key}[{i}]", value, 3) for i, value in enumerate(values))
        if not points:
            raise self.wrong(f"{key} is empty")
        return points


def _episode(record: _Record, truth: Mapping[str, Any] | None, truth_path: Path | None) -> Episode:
    key = str(record.get("episode_id", (int, str), "a number"))
    record = _Record(record.path, f"{record.place} (episode_id {key})", record.value)
    said = record.inner("instruction")
    tokens = said.get("instruction_tokens", list, "a list of numbers")
    if not all(isinstance(token, int) for token in tokens):
        raise said.wrong("instruction_tokens must be whole numbers")
    text = said.get("instruction_text", str, "a sentence").strip()
    if not text:
        raise said.wrong("instruction_text is empty")
    start: Any = record.numbers("start_position", 3)
    rotation: Any = record.numbers("start_rotation", 4)
    if not math.isclose(math.hypot(*rotation), 1.0, abs_tol=1e-2):
        raise record.wrong("start_rotation must be a quaternion of length 1")
    return Episode(
        key=key,
        trajectory=str(record.get("trajectory_id", (int, str), "a number")),
        scene=_scene(record),
        start=start,
        rotation=rotation,
        instruction=text,
        tokens=tuple(token for token in tokens if token != PAD),
        **_hidden(record),
        **_truth(key, truth, truth_path),
    )


def _scene(record: _Record) -> str:
    """The scene's path, which must stay below the folder of scenes."""
    scene = record.get("scene_id", str, "a path")
    parts = PurePosixPath(scene)
    if not scene or parts.is_absolute() or ".." in parts.parts or "\\" in scene or "\0" in scene:
        raise record.wrong(f"scene_id must be a path below scene_datasets, not {scene[:60]!r}")
    return str(scene)


def _hidden(record: _Record) -> dict[str, Any]:
    """What the test split hides: all of it, or nothing."""
    if "goals" not in record.value:
        return {}
    goals = record.get("goals", list, "a list of goals")
    if not goals:
        raise record.wrong("goals is empty")
    goal = _Record(record.path, f"{record.place}.goals[0]", goals[0])
    return {
        "goal": goal.numbers("position", 3),
        "radius": goal.metres("radius"),
        "shortest": record.inner("info").metres("geodesic_distance"),
        "reference": record.points("reference_path"),
    }


def _truth(key: str, truth: Mapping[str, Any] | None, path: Path | None) -> dict[str, Any]:
    """The ground truth of an episode, where its split has one."""
    if truth is None or path is None:
        return {}
    record = _Record(path, f"episode {key}", truth.get(key))
    if not isinstance(record.value, dict):
        raise record.wrong("has no ground truth here")
    actions = record.get("actions", list, "a list of actions")
    if any(action not in (0, 1, 2, 3) for action in actions):
        raise record.wrong("actions must be 0 (stop), 1 (forward), 2 (left) or 3 (right)")
    return {"locations": record.points("locations"), "actions": tuple(actions)}


class R2RCE(NavigationData):
    """Episodes of R2R-CE; a sample's key is the episode's number."""

    facts = R2R_CE
    config: R2RCEConfig

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return self.config.test_on

    @property
    def protocol(self) -> dict[str, Any]:
        """As any navigation's, with the version of the episodes."""
        return {**super().protocol, "episodes": self._file(self.test_list)[0].parents[1].name}

    def read(self, split: str) -> Split:
        """The official episodes; those whose scene is not on disk are missing."""
        name = {"train": "train", "val": "val_seen", "test": self.config.test_on}[split]
        path, suffix = self._file(name)
        truth_path = path.with_name(f"{name}_gt.json.gz")
        if suffix and not truth_path.is_file():  # the BERT copy has none of its own
            truth_path = self._find(f"{name}_gt.json.gz", name) or truth_path
        truth = None if name == "test" else self._truth(truth_path)
        found = Split()
        for episode in read_episodes(path, truth, truth_path):
            scene = self._scene(episode.scene)
            if scene is None:
                found.missing.append(episode.key)
            else:
                plain = episode.to_plain()
                found.samples.append(Sample(str(scene), episode.key, texts=(episode.instruction,), annotation=plain))
        return found

    def _file(self, name: str) -> tuple[Path, str]:
        """The episodes of a split, and what its name has at its end."""
        for suffix in SUFFIXES:
            path = self._find(f"{name}{suffix}.json.gz", name)
            if path is not None:
                return path, suffix
        raise self.facts.absent(self.root, f"{FOLDERS[0]}/{name}/{name}.json.gz")

    def _find(self, file: str, name: str) -> Path | None:
        paths = (self.root / folder / name / file for folder in FOLDERS)
        return next((path for path in paths if path.is_file()), None)

    def _truth(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            raise self.facts.absent(self.root, path.name)
        content = read_gzip_json(path)
        if not isinstance(content, dict):
            raise UserError(f"{path} must map episode numbers to their ground truth; get it anew from {self.facts.url}")
        return content

    def _scene(self, scene: str) -> Path | None:
        paths = (self.root / folder / scene for folder in SCENES)
        return next((path for path in paths if path.is_file()), None)
