"""HowTo100M: windows of narrations against the files that they came from, bad ones by name, JSON piece by piece."""

import json

import numpy as np
import pytest

from data_modules import howto100m
from data_modules.howto100m import HowTo100M, HowTo100MConfig, read_howto100m, read_names, read_object
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources import open_source
from tests.data.clips import write_video

NAMES = ["-a_b4567890", "b1234567890", "c1234567890", "d1234567890"]
SAID = {
    NAMES[0]: {"start": [0.0, 0.5, 1.2], "end": [0.5, 1.25, 1.6], "text": ["crack eggs", "stir bowl", "pour pan"]},
    NAMES[1]: {"start": [0, 3, 1], "end": [1, 2, 2.5], "text": ["cut wood", "backwards", " "]},
    "unlisted000": {"start": [0], "end": [1], "text": ["other"]},
    NAMES[2]: {"start": [0], "end": [1, 2], "text": ["one"]},
}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / f"{NAMES[0]}.mp4", frames=16)  # ten a second
    write_video(tmp_path / "videos" / f"{NAMES[1]}.mkv", frames=30)
    (tmp_path / "videos" / f"{NAMES[2]}.mp4").touch()
    rows = "".join(f"{name},Food and Entertaining,Recipes,{i + 1},{i}\n" for i, name in enumerate(NAMES))
    (tmp_path / "HowTo100M_v1.csv").write_text("video_id,category_1,category_2,rank,task_id\n" + rows)
    (tmp_path / "caption.json").write_text(json.dumps(SAID, indent=1))
    return tmp_path


def test_a_sample_is_a_narration_and_reads_its_stretch_of_the_video(root):
    found = read_howto100m(root, set(NAMES), None)
    assert [(sample.key, sample.texts) for sample in found.samples] == [
        (f"{NAMES[0]}_0", ("crack eggs",)),
        (f"{NAMES[0]}_1", ("stir bowl",)),
        (f"{NAMES[0]}_2", ("pour pan",)),
        (f"{NAMES[1]}_0", ("cut wood",)),
    ]
    whole = open_source(root / "videos" / f"{NAMES[0]}.mp4")
    times, frames = whole.times(), whole.frames(range(16))
    stretch = open_source(found.samples[1].path)
    expected = frames[np.flatnonzero((times > 0.4001) & (times < 1.25))]  # the frame shown at 0.5, and on
    assert stretch.num_frames() == len(expected)
    assert (stretch.frames(range(len(expected))) == expected).all()


def test_bad_narrations_are_named_and_videos_without_any_are_missing(root):
    found = read_howto100m(root, set(NAMES), None)
    file = root / "caption.json"
    assert [str(fault) for fault in found.faults] == [
        f"{file}, {NAMES[1]}, narration 1: is no narration: start 3, end 2, text 'backwards'",
        f"{file}, {NAMES[1]}, narration 2: is no narration: start 1, end 2.5, text ' '",
        f"{file}, {NAMES[2]}: wants lists of one length: start, end and text",
    ]
    assert found.missing[-1] == NAMES[3]  # nothing is said of it


def test_narrations_of_a_video_are_thinned_evenly(root):
    assert [s.key for s in read_howto100m(root, {NAMES[0]}, 2).samples] == [f"{NAMES[0]}_0", f"{NAMES[0]}_1"]


def test_training_and_test_share_no_video(root):
    config = HowTo100MConfig(name="howto100m", num_frames=2, batch_size=1, held_out=2)
    data = HowTo100M(config, root)
    train, test = ({sample.key[:11] for sample in data.split(split).samples} for split in ("train", "test"))
    assert (train, test) == ({NAMES[1]}, {NAMES[0]})


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_the_json_is_read_in_pieces_of_any_size(root, monkeypatch, piece):
    monkeypatch.setattr(howto100m, "PIECE", piece)
    assert dict(read_object(root / "caption.json")) == SAID
    (root / "empty.json").write_text("{ }")
    assert list(read_object(root / "empty.json")) == []
    (root / "flat.json").write_text('{"a":1,"b" : [2, {"c": "}"}] }\n')
    assert list(read_object(root / "flat.json")) == [("a", 1), ("b", [2, {"c": "}"}])]


@pytest.mark.parametrize("text", ['{"a": [1, 2}', '{"a": 1, "b": 2', '[{"a": 1}]', '{"a": 1 "b": 2}', ""])
def test_damaged_json_is_an_error(tmp_path, text):
    (tmp_path / "caption.json").write_text(text)
    with pytest.raises(UserError, match="is no whole JSON object"):
        list(read_object(tmp_path / "caption.json"))


def test_a_list_with_a_video_twice_is_an_error_with_its_line(root):
    with (root / "HowTo100M_v1.csv").open("a") as file:
        file.write(f"{NAMES[1]},x,y,1,1\n")
    with pytest.raises(UserError, match=r"HowTo100M_v1.csv, line 6: .*is there already, in line 3"):
        read_names(root)
    (root / "HowTo100M_v1.csv").write_text("id\n1\n")
    with pytest.raises(UserError, match="line 1: the columns of HowTo100M are"):
        read_names(root)
