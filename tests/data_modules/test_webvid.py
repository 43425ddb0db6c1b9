"""WebVid's lists: the official columns, what is not on disk, and bad rows by file and line."""

import pytest

from data_modules.webvid import WEBVID2M, WebVid2M, read_webvid, seconds_of
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.errors import UserError

# Rows made up in the form of the release: a caption with a comma and quotes, a line break inside one, an id twice.
LIST = """videoid,contentUrl,duration,page_dir,name
21179416,https://example.com/1.mp4,PT00H00M11S,006001_006050,Aerial shot winter forest
5629184,https://example.com/2.mp4,PT00H00M29S,071501_071550,"Senior couple, ""at home"", looking
through a window"
1063125190,https://example.com/3.mp4,PT00H00M10S,006001_006050,Lonely beautiful woman sitting on the tent
"""
BAD = """21179416,https://example.com/1.mp4,PT00H00M11S,006001_006050,Once more
7,https://example.com/7.mp4,PT00H00M11S,006001_006050
8,https://example.com/8.mp4,PT00H00M11S,../x,climbing
9,https://example.com/9.mp4,PT00H00M11S,006001_006050,
"""


@pytest.fixture
def root(tmp_path):
    for name in ("006001_006050/21179416", "071501_071550/5629184", "006001_006050/9"):
        (tmp_path / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "videos" / f"{name}.mp4").touch()
    (tmp_path / "results_2M_train.csv").write_text(LIST)
    (tmp_path / "results_2M_val.csv").write_text(LIST)
    return tmp_path


def test_the_list_is_read_in_order_and_what_is_missing_is_named(root):
    found = read_webvid(root / "results_2M_train.csv", WEBVID2M)
    videos = root / "videos"
    caption = 'Senior couple, "at home", looking\nthrough a window'
    assert list(found.samples) == [
        Sample(str(videos / "006001_006050/21179416.mp4"), "21179416", texts=("Aerial shot winter forest",)),
        Sample(str(videos / "071501_071550/5629184.mp4"), "5629184", texts=(caption,)),
    ]
    assert (found.missing, found.faults, found.official) == (["1063125190"], [], 3)


def test_bad_rows_are_named_by_file_and_line_and_counted(root):
    path = root / "results_2M_train.csv"
    path.write_bytes((LIST + BAD).encode() + b"10,u,PT1S,006001_006050,caf\xe9\n")
    found = read_webvid(path, WEBVID2M)
    assert [str(fault).removeprefix(f"{path}, ") for fault in found.faults] == [
        "line 6: video 21179416 is listed before, in line 2",
        "line 7: has 4 columns, not 5",
        "line 8: page_dir '../x' and videoid '8' make no path",
        "line 9: video 9 has no caption",
        "line 10: the caption of video 10 is not UTF-8",
    ]
    assert found.official == 8
    assert len(found.samples) == 2


def test_another_file_of_that_name_or_none_is_an_error(root):
    path = root / "results_2M_train.csv"
    path.write_text("id,caption\n1,x\n")
    with pytest.raises(UserError, match=r"line 1: the columns of WebVid-2M are videoid,.*not id,caption"):
        read_webvid(path, WEBVID2M)
    with pytest.raises(UserError, match=r"results_10M_train.csv is not in"):
        read_webvid(root / "results_10M_train.csv", WEBVID2M)


def test_packed_videos_are_found_by_id(root):
    found = read_webvid(root / "results_2M_train.csv", WEBVID2M, {"1063125190": "a.tar#1063125190.mp4"})
    assert [sample.path for sample in found.samples] == ["a.tar#1063125190.mp4"]
    assert found.missing == ["21179416", "5629184"]


@pytest.mark.parametrize(
    ("period", "seconds"),
    [("PT00H00M11S", 11), ("PT01H02M03.5S", 3723.5), ("PT8S", 8), ("PT", None), ("11", None)],
)
def test_periods(period, seconds):
    assert seconds_of(period) == seconds


def test_durations_and_the_test_list(root):
    data = WebVid2M(ClipConfig(name="webvid2m", num_frames=2, batch_size=1), root)
    assert data.test_list == "val"
    assert data.seconds(data.split("test").samples[1]) == 29
