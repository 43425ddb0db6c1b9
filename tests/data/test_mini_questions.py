"""TGIF-QA's miniature: what blinks does so as often as its lists say, and its pixels show it."""

import csv
import io
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from internvideo_pl.data.mini.gif import encode_gif
from internvideo_pl.data.mini.tgif_qa import Blink, TgifMini, annotate, draw, plan
from internvideo_pl.errors import UserError

OPTIONS = TgifMini(train=1, test=1, blinks=60)


def runs(blink: Blink) -> list[int]:
    """Lengths of the runs of frames with the other colour."""
    return [len(list(group)) for shown, group in groupby(blink.shown) if shown]


@pytest.fixture(scope="module")
def clips():
    return [clip for clip in plan(0, OPTIONS) if isinstance(clip.scene, Blink)]


def test_a_gif_blinks_as_often_as_it_is_said_to_each_time_two_frames(clips, tmp_path):
    blinking = {Path(clip.path).stem: clip.scene for clip in clips if clip.scene.times}
    assert {scene.times for scene in blinking.values()} == {1, 2, 3, 4}
    assert all(runs(scene) == [2] * scene.times for scene in blinking.values())
    assert not any(scene.shown[0] for scene in blinking.values())
    assert len({scene.shown for scene in blinking.values() if scene.times == 2}) > 3  # at no regular beat
    annotate(tmp_path, plan(0, OPTIONS), 0, OPTIONS)
    for split in ("Train", "Test"):
        with (tmp_path / f"{split}_count_question.csv").open(newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                assert int(row["answer"]) == blinking[row["gif_name"]].times


def test_what_changes_for_good_does_so_in_the_middle(clips):
    assert {scene.shown for scene in (clip.scene for clip in clips) if not scene.times} == {(False,) * 6 + (True,) * 6}


def test_the_file_shows_every_blink(clips):
    for clip in [clip for clip in clips if clip.scene.times][:6]:
        frames = draw(clip, OPTIONS)
        file = Image.open(io.BytesIO(encode_gif(frames)))
        read = np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(file)])
        assert read.shape == frames.shape  # frames that look alike are not joined
        other = np.stack([draw(_always(clip, shown), OPTIONS) for shown in (False, True)]).astype(int)
        nearer = np.abs(other - read).mean((2, 3, 4)).argmin(0)  # (T,): which of the two scenes a frame is of
        assert tuple(nearer == 1) == clip.scene.shown


def _always(clip, shown):
    scene = clip.scene
    return type(clip)(clip.path, Blink(scene.scene, scene.other, (shown,) * len(scene.shown), 1), clip.split)


@pytest.mark.parametrize("changes", [{"times": 0}, {"times": 7}, {"frames": 6}])
def test_gifs_too_short_to_count_in_are_refused(changes):
    with pytest.raises(UserError, match=r"times=\d of a miniature must be 1 to"):
        TgifMini(**changes)
