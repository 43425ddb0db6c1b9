"""Making miniatures: the same bytes, whole or not at all, sound files, and labels that the pixels confirm."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from internvideo_pl.data.mini import encode, generate, layouts
from internvideo_pl.data.mini.command import mini_command
from internvideo_pl.data.mini.generate import digest, make_mini
from internvideo_pl.data.mini.render import render
from internvideo_pl.data.mini.world import MOTIONS, WARM
from internvideo_pl.errors import UserError

SMALL = {
    "kinetics400": {"train": 3, "val": 1, "test": 1},
    "kinetics600": {"train": 1, "val": 1, "test": 1},
    "kinetics700": {"train": 1, "val": 1, "test": 1},
    "kinetics710": {"train": 2, "val": 2},
    "ssv1": {"train": 3, "val": 1, "test": 1},
    "ssv2": {"train": 3, "val": 1, "test": 1},
    "hmdb51": {"train": 2, "test": 1},
    "ucf101": {"train": 2, "test": 1},
    "mitv2": {"train": 2, "val": 1},
    "activitynet": {"train": 3, "val": 2, "frames": 30},
    "hacs": {"train": 3, "val": 2, "frames": 30},
    "fineaction": {"train": 3, "val": 2, "frames": 30},
    "thumos14": {"train": 3, "val": 2, "frames": 30},
    "msrvtt": {"train": 30, "test": 12},
    "ucf101_hmdb51": {"train": 2, "test": 1, "unknown": 1},
    "ucf101_mitv2": {"train": 2, "test": 1, "unknown": 1},
    "r2r_ce": {"scenes": 2, "unseen": 2, "routes": 2},
    **{name: {"train": 20, "test": 6} for name in ("msrvtt_7k", "msrvtt_full", "msvd", "lsmdc")},
    **{name: {"train": 20, "test": 6} for name in ("activitynet_captions", "didemo", "vatex")},
    "ava": {"train": 4, "val": 2},
    "ava_kinetics": {"train": 4, "val": 2, "clips": 4, "val_clips": 2},
    **{name: {"train": 4, "val": 2, "test": 1, "frames": 96} for name in ("ego4d_mq", "ego4d_nlq")},
    **{name: {"train": 6, "val": 2, "test": 1} for name in ("ego4d_sta", "ego4d_fhp", "ego4d_scod")},
    "webvid2m": {"train": 20, "val": 4},
    "webvid10m": {"train": 20, "val": 4},
    "howto100m": {"videos": 12},
    "image_text": {"pairs": 24, "shard": 8},
    **{name: {"train": 14, "val": 1, "test": 6} for name in ("msrvtt_qa", "msvd_qa", "msrvtt_mc", "lsmdc_mc")},
    **{
        name: {"train": 8, "test": 4, "blinks": 4}
        for name in ("tgif_qa", "tgif_action", "tgif_transition", "tgif_count")
    },
}


def frames_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


# --- determinism --------------------------------------------------------------------------------------------------


# one name of each layout: several datasets are read from one and the same miniature
@pytest.mark.parametrize("name", {id(layout): name for name, layout in layouts.MINIS.items()}.values())
def test_same_seed_same_bytes_with_one_and_with_two_workers(tmp_path, monkeypatch, name):
    monkeypatch.setattr(generate, "CLIPS_PER_WORKER", 10)
    one = make_mini(name, tmp_path / "one", seed=5, workers=1, **SMALL[name])
    two = make_mini(name, tmp_path / "two", seed=5, workers=2, **SMALL[name])
    other = make_mini(name, tmp_path / "one", seed=6, workers=2, **SMALL[name])
    assert one.name == two.name != other.name
    assert digest(one) == digest(two) != digest(other)
    manifest = json.loads((one / "manifest.json").read_text())
    assert manifest["sha256"] == digest(one)
    clips = layouts.MINIS[name].plan(5, _options(name))
    files = sum((one / clip.path).exists() for clip in clips) + sum(map(_pictures, one.glob("*.tar")))
    assert manifest["clips"] == files == len(clips)
    assert (one / "manifest.json").read_bytes() == (two / "manifest.json").read_bytes()


def _pictures(shard):
    with tarfile.open(shard) as tar:
        return sum(name.endswith(".jpg") for name in tar.getnames())


def _options(name):
    return layouts.MINIS[name].options(**SMALL[name])


def test_digest_sees_names_and_contents(tmp_path):
    (tmp_path / "a").write_text("1")
    seen = {digest(tmp_path)}
    (tmp_path / "a").write_text("2")
    seen.add(digest(tmp_path))
    (tmp_path / "a").rename(tmp_path / "b")
    seen.add(digest(tmp_path))
    (tmp_path / "manifest.json").write_text("{}")
    seen.add(digest(tmp_path))
    assert len(seen) == 3


# --- whole or not at all ------------------------------------------------------------------------------------------


def test_a_made_miniature_is_not_made_again(tmp_path, monkeypatch):
    folder = make_mini("msrvtt", tmp_path, train=3, test=2)
    monkeypatch.setattr(generate, "write_clips", None)
    assert make_mini("msrvtt", tmp_path, train=3, test=2) == folder


def _start(cache: Path) -> subprocess.Popen:
    code = (
        "import sys; from pathlib import Path; from internvideo_pl.data.mini import generate;"
        "generate.CLIPS_PER_WORKER = 50;"
        "print(generate.make_mini('msrvtt', Path(sys.argv[1]), seed=1, workers=2, train=150, test=10))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen([sys.executable, "-c", code, str(cache)], env=environment, stdout=-1, stderr=-1, text=True)


def test_two_makers_at_once_and_one_that_was_killed(tmp_path):
    killed = _start(tmp_path)
    while not list(tmp_path.glob("*.tmp/videos/all/*.mp4")):  # it is at work
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not list(tmp_path.glob("*/manifest.json"))
    makers = [_start(tmp_path), _start(tmp_path)]
    folders = {Path(maker.communicate(timeout=60)[0].strip()) for maker in makers}
    assert [maker.returncode for maker in makers] == [0, 0]
    (folder,) = folders
    assert json.loads((folder / "manifest.json").read_text())["sha256"] == digest(folder)
    assert len(list(folder.rglob("*.mp4"))) == 160
    assert not list(tmp_path.glob("*.tmp"))


def test_a_failing_worker_is_an_error_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "CLIPS_PER_WORKER", 1)
    monkeypatch.setattr(sys, "executable", str(_broken_python(tmp_path)))
    with pytest.raises(RuntimeError, match="no room left"):
        make_mini("msrvtt", tmp_path / "cache", workers=2, train=4, test=2)
    assert not list((tmp_path / "cache").glob("*/manifest.json"))


def _broken_python(folder: Path) -> Path:
    path = folder / "python"
    path.write_text("#!/bin/sh\necho no room left >&2\nexit 1\n")
    path.chmod(0o755)
    return path


# --- mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("kinetics40", {}, "no miniature 'kinetics40'. Did you mean 'kinetics400'?"),
        ("kinetics400", {"trian": 3}, "no option 'trian'. Did you mean 'train'?"),
        ("kinetics400", {"size": 50}, "multiple of 4"),
        ("kinetics400", {"appearance": "texure"}, "Did you mean 'texture'?"),
        ("msrvtt", {"duet": 0.0, "train": 1, "test": 110}, "lower test or raise duet"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, name, options, message):
    with pytest.raises(UserError) as error:
        make_mini(name, tmp_path, **options)
    assert message in str(error.value)


def test_a_cache_that_cannot_be_written_is_a_users_mistake(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="INTERNVIDEO_CACHE"):
        make_mini("msrvtt", tmp_path / "file" / "cache", train=1, test=1)


# --- files --------------------------------------------------------------------------------------------------------


def test_files_are_real_h264_close_to_what_was_drawn():
    rng = np.random.default_rng(0)
    ramp = np.linspace(40, 200, 64)
    clip = np.stack(
        [np.roll(ramp, 3 * t)[None, :, None] + np.array([20, 0, -20]) + np.zeros((64, 1, 1)) for t in range(12)]
    )
    clip = np.clip(clip + rng.normal(0, 1, clip.shape), 0, 255).astype(np.uint8)
    data = encode.encode(clip)
    with av.open(io.BytesIO(data)) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (64, 64, Fraction(encode.FPS))
        shown = np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(stream)])
    assert shown.shape == clip.shape
    assert np.abs(shown.astype(int) - clip).mean() < 3


def test_the_encoder_gives_the_same_bytes_whatever_the_heap_holds():
    """x264's macroblock trees did not, at this size."""
    scenes = [clip.scene for clip in layouts.MINIS["kinetics400"].plan(5, _options("kinetics400"))[::8]]
    rng, heap = np.random.default_rng(0), []
    for clip in map(render, scenes):
        files = set()
        for _ in range(8):
            heap.append(rng.random(int(rng.integers(1000, 60000))))
            files.add(encode.encode(clip))
        assert len(files) == 1


@pytest.mark.parametrize("rgb", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 120, 40)])
def test_colours_survive_the_file(tmp_path, rgb):
    (tmp_path / "a.mp4").write_bytes(encode.encode(np.full((4, 16, 16, 3), rgb, np.uint8)))
    assert np.abs(frames_of(tmp_path / "a.mp4").astype(int) - rgb).max() <= 4


# --- labels against pixels ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A Kinetics miniature: per split, frames (N, 12, 64, 64, 3) and label words."""
    root = make_mini("kinetics400", tmp_path_factory.mktemp("mini"), seed=3, train=30, val=12, test=1)
    found = {}
    for split in ("train", "val"):
        with (root / "annotations" / f"{split}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        names = [f"{row['youtube_id']}_{int(row['time_start']):06d}_{int(row['time_end']):06d}.mp4" for row in rows]
        words = np.array([(row["label"].split()[0], row["label"].split()[-1]) for row in rows])
        found[split] = np.stack([frames_of(root / split / name) for name in names]), words[:, 0], words[:, 1]
    return found


def test_the_key_has_the_labels_colour_and_goes_the_labels_way(clips):
    """An independent look: finds warm saturated pixels and follows their circular mean over the torus."""
    frames, colours, motions = clips["val"]
    right = 0
    for clip, colour, motion in zip(frames, colours, motions, strict=True):
        spots = _warm(clip / 255, colour)  # (12, 64, 64)
        if spots.sum((1, 2)).min() < 30:  # hidden by the other thing for a while
            continue
        turn = np.exp(2j * np.pi * np.arange(64) / 64)
        way = np.array(
            [_turned((spots * turn[None, None, :]).sum((1, 2))), _turned((spots * turn[None, :, None]).sum((1, 2)))]
        )
        right += max(MOTIONS, key=lambda word: way @ MOTIONS[word]) == motion
    assert right > 0.9 * len(frames)


def _warm(clip: np.ndarray, colour: str) -> np.ndarray:
    bright = clip / np.maximum(clip.max(-1, keepdims=True), 1e-3)
    pure = np.array(WARM[colour]) / max(WARM[colour])
    return (np.abs(bright - pure).max(-1) < 0.25) & (clip.max(-1) > 0.4)


def _turned(centres: np.ndarray) -> float:
    return float(np.angle(centres[1:] / centres[:-1]).mean())


def _probe(features: dict[str, np.ndarray], words: dict[str, np.ndarray], penalty: float = 10.0) -> float:
    """Validation accuracy of a linear classifier (ridge regression on one-hot targets)."""
    centre, spread = features["train"].mean(0), features["train"].std(0) + 1e-6
    x = {split: np.c_[(f - centre) / spread, np.ones(len(f))] for split, f in features.items()}
    names = np.unique(words["train"])
    target = (words["train"][:, None] == names).astype(float)
    weights = np.linalg.solve(x["train"].T @ x["train"] + penalty * np.eye(x["train"].shape[1]), x["train"].T @ target)
    return float((names[(x["val"] @ weights).argmax(1)] == words["val"]).mean())


@pytest.mark.parametrize("view", ["first", "middle", "last", "mean", "mean of deviations"])
def test_no_single_picture_gives_the_motion_away(clips, view):
    looks = {
        "first": lambda gray: gray[:, 0],
        "middle": lambda gray: gray[:, 6],
        "last": lambda gray: gray[:, -1],
        "mean": lambda gray: gray.mean(1),
        "mean of deviations": lambda gray: np.abs(gray - gray.mean(1, keepdims=True)).mean(1),
    }
    features, words = {}, {}
    for split, (frames, _, motions) in clips.items():
        gray = frames.mean(-1).reshape(len(frames), 12, 16, 4, 16, 4).mean((3, 5))  # colour taken away, 16 x 16
        features[split], words[split] = looks[view](gray).reshape(len(frames), -1), motions
    chance, spread = 0.25, np.sqrt(0.25 * 0.75 / len(words["val"]))
    assert _probe(features, words) < chance + 3.5 * spread


def test_the_probe_would_have_seen_a_leak(clips):
    """The same probe reads the key's colour off one frame, and the motion where a single pixel tells it."""
    words = {split: motions for split, (_, _, motions) in clips.items()}
    colour, leaky = {}, {}
    for split, (frames, _, motions) in clips.items():
        pixels = frames[:, 0].reshape(len(frames), -1, 3) / 255
        warmth = pixels[..., [0, 0, 1]] - pixels[..., [1, 2, 2]]  # red over green, red over blue, green over blue
        colour[split] = np.c_[warmth.mean(1), np.maximum(warmth - 0.3, 0).mean(1), np.maximum(-warmth - 0.3, 0).mean(1)]
        leaky[split] = frames[:, 0].mean(-1).reshape(len(frames), 16, 4, 16, 4).mean((2, 4)).reshape(len(frames), -1)
        leaky[split][:, 0] = motions == "left"
    assert _probe(colour, {split: colours for split, (_, colours, _) in clips.items()}) > 0.8
    assert _probe(leaky, words) > 0.4


# --- the command --------------------------------------------------------------------------------------------------


def test_the_command_makes_a_miniature_and_says_where(tmp_path):
    said = mini_command("msrvtt", ["train=3", "test=2", "duet=1.0"], tmp_path, seed=2).splitlines()
    folder = Path(said[0])
    assert folder == make_mini("msrvtt", tmp_path, seed=2, train=3, test=2, duet=1.0)
    assert said[1].startswith("5 clips, seed=2")
    assert said[2] == f"sha256 {digest(folder)}"


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("msrvt", "train=3", "Did you mean 'msrvtt'?"),
        ("msrvtt", "tain=3", "Did you mean 'train'?"),
        ("msrvtt", "train", "key=value"),
        ("msrvtt", "train=many", "must be a number like 1200"),
    ],
)
def test_mistakes_on_the_command_line(tmp_path, name, setting, message):
    with pytest.raises(UserError) as error:
        mini_command(name, [setting], tmp_path)
    assert message in str(error.value)
