"""HACS Clips: positive clips train, negatives do not; bad rows by line."""

import pytest

from data_modules.hacs import HacsClips, HacsClipsConfig, read_clips
from internvideo_pl.errors import UserError
from tests.data_modules.untrimmed import ROWS, real_rows, touch

HEAD = "classname,youtube_id,subset,start,end,label\n"
ROWS_OF_CLIPS = [
    "Applying sunscreen,a1234567890,training,15.5,17.5,1",
    "Applying sunscreen,a1234567890,training,3.0,5.0,-1",
    "Archery,b1234567890,training,0.0,2.0,-1",
    "Archery,c1234567890,validation,1.0,3.0,1",
    "Archery,d1234567890,testing,1.0,3.0,",
]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "HACS_clips_v1.1.1.csv").write_text(HEAD + "\n".join(ROWS_OF_CLIPS) + "\n")
    touch(tmp_path / "Applying_sunscreen" / "v_a1234567890.mp4")
    touch(tmp_path / "Archery" / "v_c1234567890.mp4")
    return tmp_path


def test_only_positive_clips_train_and_whole_videos_are_tested(root):
    config = HacsClipsConfig(name="hacs", num_frames=8, batch_size=1, train_on="clips")
    data = HacsClips(config, root)
    assert data.classes == ["Applying sunscreen", "Archery"]
    assert [(s.key, s.label, s.path.rpartition("#")[2]) for s in data.split("train").samples] == [
        ("a1234567890_0", 0, "t=15.500,17.500")
    ]
    assert [(s.key, s.label) for s in data.split("test").samples] == [("c1234567890", 1)]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("Archery,e1234567890,training,3.0,1.0,1", "line 7: the stretch from 3 to 1 s ends before it begins"),
        ("Archery,e1234567890,training,3.0,5.0,0", "line 7: label '0' of class 'Archery' is neither 1 nor -1"),
        ("Archery,e1234567890,train,3.0,5.0,1", "line 7: subset 'train' .* Did you mean 'training'"),
        ("Archery,e1234567890,training,3.0", "line 7: a row has 6 columns"),
        ("Archery,e1234567890,training,3.0,5.0,1,2", "line 7: a row has 6 columns"),
        ("Archery,a1234567890,validation,3.0,5.0,1", "line 7: a1234567890 is in the subset validation"),
        ("Applying sunscreen,a1234567890,training,15.5,17.5,-1", "line 7: this clip has the label -1 here and 1"),
    ],
)
def test_a_bad_row_is_named_by_line(root, row, sentence):
    path = root / "HACS_clips_v1.1.1.csv"
    path.write_text(path.read_text() + row + "\n")
    with pytest.raises(UserError, match=sentence):
        read_clips(path)


def test_other_columns_and_other_bytes_are_named(tmp_path):
    path = tmp_path / "HACS_clips_v1.1.1.csv"
    path.write_text("label,youtube_id\n")
    with pytest.raises(UserError, match="line 1: the columns of HACS Clips are classname,youtube_id"):
        read_clips(path)
    path.write_bytes(HEAD.encode() + b"Caf\xe9,a1234567890,training,0,2,1\n")
    with pytest.raises(UserError, match="line 2: byte 4 is not UTF-8"):
        read_clips(path)


@real_rows
def test_real_rows_parse():
    videos = read_clips(ROWS / "hacs" / "HACS_clips_v1.1.1.head3.csv")
    assert [(video.key, len(video.instances)) for video in videos] == [
        ("a2X2hz1G6i8", 1),
        ("NUdji_CqvcY", 0),
        ("0O_qMHxBfXg", 0),
    ]
