"""Stretches of videos by seconds, against the times of the whole."""

import numpy as np
import pytest

from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import open_source
from internvideo_pl.video.sources.excerpt import excerpt_location, is_excerpt
from tests.data.clips import write_video


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "a#t.mp4"
    write_video(path, frames=20)  # ten a second
    return path


@pytest.mark.parametrize(
    ("start", "end", "first", "count"),
    [(0, 1, 0, 10), (0.5, 1.05, 5, 6), (0.52, 0.54, 5, 1), (0.5, 0.5, 5, 1), (1.9, 99, 19, 1), (1.95, 99, 19, 1)],
)
def test_an_excerpt_is_what_is_shown_in_it(video, start, end, first, count):
    whole, part = open_source(video), open_source(excerpt_location(video, start, end))
    assert part.num_frames() == count
    assert (part.frames(range(count)) == whole.frames(range(first, first + count))).all()
    assert np.allclose(part.times(), whole.times()[first : first + count] - whole.times()[first])


def test_numbers_count_from_its_first_frame(video):
    part = open_source(excerpt_location(video, 0.5, 1))
    assert (part.frames([4, 0, 0], 24) == open_source(video).frames([9, 5, 5], 24)).all()
    with pytest.raises(IndexError, match="has frames 0 to 4"):
        part.frames([5])
    with pytest.raises(IndexError):
        part.frames([])


def test_faults_name_the_excerpt(video, tmp_path):
    late = excerpt_location(video, 5, 6)
    with pytest.raises(DecodeError, match="begins after the video's end") as found:
        open_source(late).num_frames()
    assert found.value.path == late
    (tmp_path / "bad.mp4").write_bytes(b"none")
    broken = excerpt_location(tmp_path / "bad.mp4", 0, 1)
    with pytest.raises(DecodeError) as found:
        open_source(broken).frames([0])
    assert found.value.path == broken


def test_what_is_a_location_of_an_excerpt():
    assert is_excerpt("a.mp4#t=0,1.5")
    assert is_excerpt("s.tar#a.mp4#t=12.000,13.250")
    assert not any(map(is_excerpt, ("a.mp4", "a.mp4#t=", "a.mp4#t=1", "s.tar#t=a.mp4", "a#t=1,x.mp4")))
