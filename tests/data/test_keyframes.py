"""Clips around key frames: which frames, and boxes that stay on what they were drawn around."""

import colorsys

import numpy as np
import pytest
import torch

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.boxes import cropped, grown, jittered, mirrored, overlaps
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.keyframes import KeyframeClips, KeyframeConfig, KeyframeTrainingClips
from internvideo_pl.data.mini.encode import encode
from internvideo_pl.data.order import Draw
from internvideo_pl.errors import UserError
from internvideo_pl.video.augment import AugmentConfig
from internvideo_pl.video.hsv import shifted
from internvideo_pl.video.sample import around

FPS, FRAMES = 10, 40
SQUARE = (0.25, 0.25, 0.5, 0.75)  # x1, y1, x2, y2 of a bright square, which is there at second 2 alone


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> str:
    """96 x 64 pixels; frame n is as grey as n, and from frame 18 to 22 a red box stands in it."""
    frames = np.repeat(np.arange(FRAMES, dtype=np.uint8) * 4, 64 * 96 * 3).reshape(FRAMES, 64, 96, 3)
    frames[18:23, 16:48, 24:48] = (230, 20, 20)
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    path.write_bytes(encode(frames, FPS))
    return str(path)


def config(**changes) -> KeyframeConfig:
    base = {
        "name": "ava",
        "batch_size": 2,
        "num_frames": 4,
        "stride": 1,
        "frame_rate": FPS,
        "size": 48,
        "short_side": 64,
    }
    return KeyframeConfig(**base | changes)


def sample(film: str, at: float = 2.0, **known) -> Sample:
    return Sample(f"{film}#t=1.000,3.000", "film,0902", annotation={"at": at, **known})


def red_box(clip: torch.Tensor) -> list[float]:
    """The red pixels of a frame (H, W, 3), as shares."""
    red = (clip[..., 0].int() - clip[..., 1].int()) > 90
    rows, columns = red.any(1).nonzero().flatten(), red.any(0).nonzero().flatten()
    height, width = red.shape
    corners = columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height
    return [float(side) for side in corners]


def test_frames_lie_around_the_moment() -> None:
    times = np.arange(100) / 25
    assert around(times, 2.0, 16, 4, 25).tolist() == [50 - 32 + 1 + 4 * i for i in range(16)]
    assert around(times, 2.0, 4, 1, 25).tolist() == [48, 49, 50, 51]
    other_rate = around(np.arange(120) / 30, 2.0, 4, 5, 25)  # what a film of 30 a second shows at the same times
    assert other_rate.tolist() == [int((2 + (5 * i - 8) / 25) * 30 + 1e-3) for i in range(4)]
    assert around(times, 0.0, 4, 2, 25).tolist() == [0, 0, 0, 2]
    assert around(times, 3.96, 4, 2, 25).tolist() == [95, 97, 99, 99]


def test_a_short_side_can_be_stretched_over_its_half() -> None:
    times = np.arange(100) / 25
    stretched = around(times, 0.4, 16, 4, 25, stretch=True)  # 10 frames before, of 32
    whole = around(times, 2.0, 16, 4, 25) - 40
    assert stretched[8:].tolist() == whole[8:].tolist()
    assert stretched[:8].tolist() == [int(10 + (1 - 32 + 4 * i) * 10 / 32 + 1e-2) for i in range(8)]
    assert (np.diff(stretched) > 0).all()


@pytest.mark.parametrize("crop", ["random", "squeeze"])
@pytest.mark.parametrize("flip", [False, True])
def test_boxes_follow_the_pixels(film, crop: str, flip: bool) -> None:
    known = {"boxes": [list(SQUARE), [0.9, 0.0, 1.0, 0.1]], "actions": [[12, 79], [3]]}
    clips = KeyframeTrainingClips([sample(film, **known)], config(crop=crop), FrameCache(), seed=3, flip=flip)
    seen = set()
    for epoch in range(12):
        (clip,) = clips[Draw(epoch, 0)]
        assert clip.video.shape == (4, 48, 48, 3)
        box, actions = clip.annotation["boxes"][0], clip.annotation["actions"]
        assert actions[0] == [12, 79]
        assert len(clip.annotation["boxes"]) == len(actions)
        assert np.abs(np.array(red_box(clip.video[2])) - box).max() < 0.05  # frame 2 of 4 is the key frame
        seen.add(round(box[0], 3))
    assert (len(seen) > 1) == (crop == "random" or flip)


def test_a_box_outside_the_crop_is_left_out(film) -> None:
    known = {"boxes": [[0.0, 0.0, 0.02, 0.02], list(SQUARE)], "actions": [[1], [2]]}
    clips = KeyframeTrainingClips([sample(film, **known)], config(), FrameCache(), seed=0, flip=False)
    counts = {len(clips[Draw(epoch, 0)][0].annotation["boxes"]) for epoch in range(10)}
    assert counts == {1, 2} or counts == {1}
    assert all(clips[Draw(epoch, 0)][0].annotation["actions"][-1] == [2] for epoch in range(10))


def test_squeezed_and_full_views_keep_the_whole_frame(film) -> None:
    known = {"frame": 0, "boxes": [list(SQUARE)], "scores": [0.9]}
    for view, shape in (("squeeze", (48, 48)), ("full", (64, 96))):
        clips = KeyframeClips([sample(film, **known)], config(test_view=view), FrameCache())
        (clip,) = clips[0]
        assert clip.video.shape[1:3] == shape
        assert clip.annotation["boxes"] == [list(SQUARE)]
        assert np.abs(np.array(red_box(clip.video[2])) - clip.annotation["views"][0]).max() < 0.04
    padding = KeyframeClips([sample(film, **known)], config(test_view="full", short_side=50), FrameCache())[0][0]
    assert padding.video.shape[1:3] == (64, 80)  # of 50 x 75
    assert np.abs(np.array(red_box(padding.video[2])) - padding.annotation["views"][0]).max() < 0.04


def test_a_film_that_ends_too_early_is_a_fault_of_this_key_frame_alone(film) -> None:
    known = {"frame": 0, "boxes": [], "scores": []}
    clips = KeyframeClips([sample(film, at=4.5, **known), sample(film, at=3.9, **known)], config(), FrameCache())
    (clip,), (fine,) = clips[0], clips[1]
    assert clip.video is None
    assert clip.faults[0].path.endswith("film.mp4#t=1.000,3.000")
    assert "before the key frame at 4.50 s" in clip.faults[0].reason
    assert fine.video is not None


def test_what_moves_pixels_alone_is_refused() -> None:
    with pytest.raises(UserError, match="not the boxes"):
        config(augment=AugmentConfig(erase=0.2))
    with pytest.raises(UserError, match="one view"):
        config(test_views=2)


def test_box_arithmetic() -> None:
    box = np.array([[0.2, 0.4, 0.6, 0.8]])
    assert np.allclose(mirrored(box), [[0.4, 0.4, 0.8, 0.8]])
    assert np.allclose(cropped(box, (0.2, 0.0, 0.7, 0.8)), [[0.0, 0.5, 0.8, 1.0]])
    assert np.allclose(grown(box, (0.1, 0.05)), [[0.18, 0.39, 0.62, 0.81]])
    drawn = np.concatenate([jittered(box, (0.2, 0.1, 0.1, 0.05), np.random.default_rng(i)) for i in range(300)])
    low, high = drawn.min(0), drawn.max(0)
    assert np.allclose(low, [0.12, 0.36, 0.56, 0.78], atol=3e-3)
    assert np.allclose(high, [0.24, 0.42, 0.68, 0.84], atol=3e-3)
    assert overlaps(box, np.array([[0.2, 0.4, 0.6, 0.6], [0.7, 0.7, 0.9, 0.9], [0.2, 0.2, 0.2, 0.2]])).tolist() == [
        pytest.approx([0.5, 0, 0])
    ]


def test_colours_move_in_hue_saturation_and_value() -> None:
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8))
    moved = shifted(pixels, 0.05, -0.1, 0.07)
    for before, after in zip(pixels.reshape(-1, 3).tolist(), moved.reshape(-1, 3).tolist(), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in before))
        wanted = colorsys.hsv_to_rgb((hue + 0.05) % 1, min(max(saturation - 0.1, 0), 1), min(value + 0.07, 1))
        assert np.abs(np.array(after) - 255 * np.array(wanted)).max() <= 1
    grey = torch.full((1, 2, 2, 3), 90, dtype=torch.uint8)
    assert torch.equal(shifted(grey, 0.3, 0.1, 0.0), grey)
