"""The command of a small run, its folder, and what it gives when nobody disturbs it.

It differs from a real one in size alone: a masked autoencoder on six videos, ten steps of which four are an epoch.
"""

from pathlib import Path

import pytest

from tests.data.clips import write_video
from tests.run.killing import run
from tests.run.resume.runs import EXPERIMENT, STEPS, outputs_of


@pytest.fixture(scope="session")
def words(tmp_path_factory) -> list[str]:
    """The command: everything random is on, and every step is logged."""
    videos = tmp_path_factory.mktemp("videos")
    for i in range(8):
        write_video(videos / f"{i}.mp4", frames=12 + i)
    small = {
        "data": {"batch_size": 2, "num_workers": 0, "num_frames": 4, "stride": 1, "size": 32, "short_side": 48},
        "backbone": {"size": "tiny", "drop_path": 0.3, "image_size": 32, "num_frames": 4},
        "trainer": {"max_steps": STEPS, "log_every_n_steps": 1, "checkpoint_steps": 3, "gradient_clip_val": 1.0},
        "wandb": {"mode": "disabled"},
    }
    changes = [f"{part}.{key}={value}" for part, keys in small.items() for key, value in keys.items()]
    return [EXPERIMENT, "--data", str(videos), *changes]


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "offline")
    return tmp_path / EXPERIMENT


@pytest.fixture(scope="session")
def unbroken(words, tmp_path_factory):
    """Outputs of the undisturbed run with some changes, each made once."""
    made: dict[tuple[str, ...], dict[str, object]] = {}

    def outputs(*changes: str) -> dict[str, object]:
        if changes not in made:
            folder = tmp_path_factory.mktemp("unbroken") / "run"
            assert run(*words, *changes, f"paths.run={folder}") == 0
            made[changes] = outputs_of(folder)
        return made[changes]

    return outputs
