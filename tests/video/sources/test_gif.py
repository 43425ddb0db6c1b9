"""GIF files against Pillow's own compositing of their frames."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageSequence

from internvideo_pl.video.sources import open_source


def drawings(count: int = 8, height: int = 40, width: int = 56) -> list[Image.Image]:
    """Shapes that move over a ground that changes: frames of which files keep the changed part alone."""
    drawn = []
    for number in range(count):
        picture = Image.new("P", (width, height), number % 2)
        picture.putpalette(bytes(range(256)) * 3)
        pen = ImageDraw.Draw(picture)
        pen.rectangle((number * 4, 5, number * 4 + 15, 25), fill=50 + number * 20)
        pen.ellipse((20, 10 + number, 40, 30 + number), fill=200 - number * 10)
        drawn.append(picture)
    return drawn


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimize": True},
        {"disposal": 1},
        {"disposal": 2},
        {"disposal": 3},
        {"transparency": 1, "disposal": 1},
    ],
)
def test_every_frame_is_painted_over_the_ones_before(tmp_path, options):
    path, lengths = tmp_path / "a.gif", [100, 50, 70, 200, 30, 100, 100, 40]
    first, *others = drawings()
    first.save(path, save_all=True, append_images=others, duration=lengths, loop=0, **options)
    with Image.open(path) as file:
        truth = np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(file)])
    source = open_source(path)
    assert source.num_frames() == len(truth) == 8
    np.testing.assert_array_equal(source.frames(range(8)).numpy(), truth)
    np.testing.assert_array_equal(source.frames([6, 2, 6]).numpy(), truth[[6, 2, 6]])
    np.testing.assert_allclose(source.times(), np.cumsum([0, *lengths[:-1]]) / 1000, atol=1e-6)
