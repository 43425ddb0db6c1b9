"""AVA's films as stretches for pretraining: those of one list, wherever the films lie."""

import pytest

from data_modules.ava_films import AvaFilms
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources import open_source
from tests.data.clips import write_video

BOX = "0.1,0.2,0.5,0.9,12,0"


@pytest.fixture
def root(tmp_path):
    lists = tmp_path / "annotations"
    lists.mkdir()
    seconds = {"whole": (902, 903, 909, 910, 1798), "cut": (905,), "pictures": (920,), "gone": (930,)}
    rows = [f"{film},{second:04d},{BOX}" for film, times in seconds.items() for second in times]
    (lists / "ava_train_v2.2.csv").write_text("\n".join([*rows, "whole,0904"]) + "\n")
    (lists / "ava_val_v2.2.csv").write_text(f"held,0902,{BOX}\n")
    for place in ("videos/whole.mkv", "videos/held.mp4", "videos_15min/cut.mp4", "videos/unlisted.mp4"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        write_video(tmp_path / place, frames=12)
    (tmp_path / "frames" / "pictures").mkdir(parents=True)
    return tmp_path


def data(root, **more) -> AvaFilms:
    return AvaFilms(ClipConfig(name="ava_films", num_frames=2, batch_size=2, **more), root)


def test_stretches_hold_a_key_frame_of_the_training_list(root):
    split = data(root).split("train")
    found = {sample.key: str(sample.path).removeprefix(f"{root}/") for sample in split.samples}
    assert found == {
        "whole,900": "videos/whole.mkv#t=900.000,910.000",
        "whole,910": "videos/whole.mkv#t=910.000,920.000",
        "whole,1790": "videos/whole.mkv#t=1790.000,1800.000",
        "cut,900": "videos_15min/cut.mp4#t=0.000,10.000",
    }
    assert split.missing == ["pictures,920", "gone,930"]
    assert len(split.faults) == 1
    assert "folder of pictures" in str(split.faults[0])
    assert open_source(str(root / found["cut,900"])).num_frames() == 12


def test_the_validation_list_is_apart(root):
    assert [sample.key for sample in data(root).split("test").samples] == ["held,900"]
    assert data(root).facts.splits["train"] == 21_150  # the paper's 21 thousand


def test_mistakes_are_named(root):
    with pytest.raises(UserError, match="leave the shards of AVA's films out"):
        data(root, shards=root).split("train")
    (root / "annotations" / "ava_train_v2.2.csv").write_text("whole,0901\n")
    with pytest.raises(UserError, match=r"ava_train_v2\.2\.csv, line 1: .*no key frame at '0901'"):
        data(root).split("train")
