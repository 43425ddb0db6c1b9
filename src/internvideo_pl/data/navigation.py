"""The DataModule of navigation: episodes instead of clips, and the simulators that they happen in."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from internvideo_pl.data.batch import Batch, Clip
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.index import SampleIndex
from internvideo_pl.data.loader import TrainingLoader, loading
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.order import Draw, EvaluationOrder, TrainingOrder
from internvideo_pl.errors import UserError
from internvideo_pl.simulators.simulator import DIRECTIONS, MAX_ACTIONS, Camera, Simulator

HABITAT_SUFFIX, ROOMS_SUFFIX = ".glb", ".json"


@dataclass(kw_only=True)
class NavigationConfig(ClipConfig):
    """How the agent sees and moves; `size` is the side of its colour views.

    `num_frames` pictures of each view, taken on the way to where it stands, make the clip that a video encoder reads.

    Attributes:
        views: Views of a panorama.
        hfov: Field of view of each, in degrees.
        depth_size: Side of its depth views.
        sliding: Whether it slides along what it meets.
        max_actions: Actions of an episode.
        open_scenes: Scenes that a process keeps open, those of its batch aside. In Habitat each takes a process and
            some hundred megabytes of the GPU, and seconds when it is opened anew.
    """

    views: int = 12
    hfov: float = 90.0
    depth_size: int = 256
    sliding: bool = True
    max_actions: int = MAX_ACTIONS
    open_scenes: int = 16

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: As `ClipConfig`, or a camera that sees nothing.
        """
        super().__post_init__()
        least = min(self.views, self.depth_size, self.max_actions, self.open_scenes)
        if least < 1 or DIRECTIONS % self.views or not 0 < self.hfov < 180:
            raise UserError(
                f"data: views={self.views}, depth_size={self.depth_size}, max_actions={self.max_actions} and "
                f"open_scenes={self.open_scenes} must be at least 1, views a divisor of {DIRECTIONS}, "
                f"hfov={self.hfov} between 0 and 180 degrees"
            )

    @property
    def camera(self) -> Camera:
        """The agent's."""
        return Camera(self.views, self.size, self.hfov, self.depth_size)


class Episodes(Dataset[list[Clip]]):
    """Episodes as clips without pixels: a simulator renders what the agent turns out to see.

    Args:
        samples: Of the official list.
        seed: Of the run.
    """

    def __init__(self, samples: SampleIndex, seed: int):
        self.samples = samples
        self.seed = seed

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.samples)

    def __getitem__(self, place: Draw | int) -> list[Clip]:
        """The episode of a draw in training, of a number in tests; its key seeds what is drawn on the way."""
        epoch, index = (place.epoch, place.index) if isinstance(place, Draw) else (0, place)
        sample = self.samples[index]
        key = hash((self.seed, epoch, index)) % 2**63  # of whole numbers alone: the same in every process
        nothing = torch.empty(0, dtype=torch.uint8)
        return [Clip(nothing, index, text=sample.texts[0], key=key, annotation=sample.annotation)]


class NavigationData(VideoData):
    """Loaders over episodes; a sample's path is its scene's file, its annotation an `Episode` in plain values."""

    config: NavigationConfig
    has_videos = False

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.scenes: OrderedDict[str, Simulator] = OrderedDict()

    @property
    def protocol(self) -> dict[str, Any]:
        """What must agree for two numbers to be comparable."""
        config = self.config
        return {
            "dataset": self.facts.name,
            "split": self.test_list,
            "size": config.size,
            "views": config.views,
            "hfov": config.hfov,
            "sliding": config.sliding,
            "max_actions": config.max_actions,
        }

    def open_scene(self, path: str) -> Simulator:
        """The simulator of a scene, the last few of which stay open: Habitat for meshes, our own for generated houses.

        Raises:
            UserError: Habitat is not installed, or the file is no scene.
        """
        if path not in self.scenes:
            self.scenes[path] = open_scene(Path(path), self.config.camera, self.config.sliding)
        self.scenes.move_to_end(path)
        while len(self.scenes) > self.config.open_scenes:
            self.scenes.popitem(last=False)
        return self.scenes[path]

    def train_dataloader(self) -> TrainingLoader:
        """Shuffled training episodes; an incomplete last batch is dropped."""
        samples = self.split("train").samples
        return TrainingLoader(
            Episodes(samples, self.seed), TrainingOrder(len(samples), self.seed, self.repeats), self.config
        )

    def test_dataloader(self) -> DataLoader[Batch]:
        """Test episodes, each once."""
        episodes = Episodes(self.split("test").samples, self.seed)
        loader: DataLoader[Any] = DataLoader(episodes, sampler=EvaluationOrder(len(episodes)), **loading(self.config))
        return loader


def open_scene(path: Path, camera: Camera, sliding: bool) -> Simulator:
    """The simulator that reads a scene file.

    Raises:
        UserError: Habitat is not installed, or the file is no scene.
    """
    if path.suffix == ROOMS_SUFFIX:
        from internvideo_pl.simulators.rooms.scene import read_scene
        from internvideo_pl.simulators.rooms.simulator import RoomsSimulator

        return RoomsSimulator(read_scene(path), camera, sliding)
    if path.suffix == HABITAT_SUFFIX:
        from internvideo_pl.simulators.habitat import habitat_apart

        return habitat_apart(path, camera, sliding, torch.cuda.current_device() if torch.cuda.is_available() else 0)
    raise UserError(f"there is no simulator for the scene {path}: {HABITAT_SUFFIX} and {ROOMS_SUFFIX} are known")
