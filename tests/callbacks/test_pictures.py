import numpy as np
import pytest
import torch
from PIL import Image

from internvideo_pl.callbacks.pictures import (
    FRAME_HEIGHT,
    GAP,
    GROUP_GAP,
    LABEL_WIDTH,
    MARGIN,
    MAX_FRAMES,
    RIGHT,
    WRONG,
    Strip,
    filmstrip,
)
from internvideo_pl.errors import UserError


def flat(colors, size=48):
    """One frame of plain colour for each of `colors`: uint8 (T, size, size, 3)."""
    return torch.tensor(colors, dtype=torch.uint8)[:, None, None].expand(-1, size, size, 3)


def at(picture, row, frame, groups=0):
    """The pixel in the middle of a frame."""
    x = MARGIN + LABEL_WIDTH + frame * (FRAME_HEIGHT + GAP) + FRAME_HEIGHT // 2
    y = MARGIN + row * (FRAME_HEIGHT + GAP) + groups * GROUP_GAP + FRAME_HEIGHT // 2
    return picture.getpixel((x, y))


def test_frames_stand_in_rows_in_their_colours(tmp_path):
    colors = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    path = filmstrip([("one", flat(colors)), ("two", flat(colors[::-1], size=32))], tmp_path / "strip.png")
    picture = Image.open(path)
    assert [at(picture, 0, i) for i in range(3)] == [tuple(color) for color in colors]
    assert [at(picture, 1, i) for i in range(3)] == [tuple(color) for color in colors[::-1]]


def test_groups_are_set_apart(tmp_path):
    rows = [("a", flat([[10 * i, 0, 0]])) for i in range(4)]
    picture = Image.open(filmstrip(rows, tmp_path / "strip.png", group=2))
    assert [at(picture, i, 0, groups=i // 2)[0] for i in range(4)] == [0, 10, 20, 30]


def test_long_clips_keep_their_ends(tmp_path):
    frames = flat([[i, i, i] for i in range(30)])
    picture = Image.open(filmstrip([("long", frames)], tmp_path / "strip.png"))
    assert at(picture, 0, 0) == (0, 0, 0)
    assert at(picture, 0, MAX_FRAMES - 1) == (29, 29, 29)


def test_wide_frames_keep_their_shape(tmp_path):
    frames = torch.zeros(2, 30, 60, 3, dtype=torch.uint8)
    picture = Image.open(filmstrip([("wide", frames)], tmp_path / "strip.png"))
    assert picture.width == 2 * MARGIN + LABEL_WIDTH + 2 * 2 * FRAME_HEIGHT + GAP


def test_marks_frame_right_and_wrong(tmp_path):
    strip = Strip("query", flat([[128, 128, 128]] * 3), marks=[True, False, None])
    picture = Image.open(filmstrip([strip], tmp_path / "strip.png"))
    edge = [picture.getpixel((MARGIN + LABEL_WIDTH + i * (FRAME_HEIGHT + GAP) + 1, MARGIN + 1)) for i in range(3)]
    assert ["#{:02x}{:02x}{:02x}".format(*pixel) for pixel in edge] == [RIGHT, WRONG, "#808080"]


def test_labels_and_a_title_are_drawn(tmp_path):
    frames = flat([[0, 0, 0]])
    bare = np.asarray(Image.open(filmstrip([("", frames)], tmp_path / "bare.png")))
    words = "a very long sentence about a striped disc that moves left and never seems to end " * 3
    labelled = np.asarray(Image.open(filmstrip([(words, frames)], tmp_path / "label.png")))
    changed = (bare != labelled).any(-1)
    assert changed[:, MARGIN : MARGIN + LABEL_WIDTH].any()
    assert not changed[:, MARGIN + LABEL_WIDTH :].any()  # words stay off the frames
    assert Image.open(filmstrip([("", frames)], tmp_path / "title.png", title="Title")).height > bare.shape[0]


def test_the_same_picture_twice_is_the_same_file(tmp_path):
    rows = [("a", flat([[1, 2, 3]]))]
    first, second = (filmstrip(rows, tmp_path / f"{i}.png").read_bytes() for i in range(2))
    assert first == second


def test_wrong_input(tmp_path):
    with pytest.raises(AssertionError, match="uint8"):
        filmstrip([("float", torch.zeros(1, 4, 4, 3))], tmp_path / "a.png")
    with pytest.raises(AssertionError, match="RGB"):
        filmstrip([("planar", torch.zeros(1, 3, 4, 4, dtype=torch.uint8))], tmp_path / "a.png")
    with pytest.raises(UserError, match="choose another folder"):
        filmstrip([("a", flat([[0, 0, 0]]))], tmp_path / "nowhere" / "a.png")
