"""MSR-VTT's three files of the 1k-A protocol."""

import json
from pathlib import Path

import pytest

from data_modules.msrvtt import MSRVTT, read_msrvtt
from internvideo_pl.errors import UserError

# made up in the form of the real files; the JSON's own splits contradict the lists, as the real ones do
DATA = {
    "info": {},
    "videos": [{"video_id": f"video{n}", "split": "test", "id": n, "start time": 1.5} for n in (0, 7, 9770)],
    "sentences": [
        {"sen_id": 4, "video_id": "video7", "caption": "a dog runs"},
        {"sen_id": 2, "video_id": "video0", "caption": "a man, who sings"},
        {"sen_id": 1, "video_id": "video0", "caption": "somebody is singing"},
        {"sen_id": 9, "video_id": "video9770", "caption": "not the one of the list"},
    ],
}
TEST = 'key,vid_key,video_id,sentence\nret0,msr9770,video9770,"a person, connecting something"\n'


def put(root: Path, folder: str = ".") -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    (root / folder / "MSRVTT_data.json").write_text(json.dumps(DATA))
    (root / folder / "MSRVTT_train.9k.csv").write_text("video_id\nvideo7\nvideo0\n")
    (root / folder / "MSRVTT_JSFUSION_test.csv").write_text(TEST)


def video(root: Path, path: str) -> Path:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).touch()
    return root / path


@pytest.mark.parametrize("folder", [".", "msrvtt_data"])
@pytest.mark.parametrize("place", ["videos/all/{}.mp4", "MSRVTT_Videos/{}.mp4", "videos/{}.webm", "{}.avi"])
def test_training_videos_come_with_all_their_captions(tmp_path, folder, place):
    put(tmp_path, folder)
    paths = [video(tmp_path, place.format(name)) for name in ("video7", "video0")]
    split = read_msrvtt(tmp_path, "train")
    assert [(sample.key, Path(sample.path)) for sample in split.samples] == list(
        zip(("video7", "video0"), paths, strict=True)
    )
    assert [sample.texts for sample in split.samples] == [("a dog runs",), ("a man, who sings", "somebody is singing")]


def test_test_videos_come_with_the_caption_of_the_list(tmp_path):
    put(tmp_path)
    video(tmp_path, "videos/all/video9770.mp4")
    (sample,) = read_msrvtt(tmp_path, "test").samples
    assert (sample.key, sample.texts, sample.label) == ("video9770", ("a person, connecting something",), -1)


def test_what_is_not_on_disk_is_counted(tmp_path):
    put(tmp_path)
    video(tmp_path, "videos/all/video0.mp4")
    split = read_msrvtt(tmp_path, "train")
    assert (split.missing, split.official) == (["video7"], 2)


@pytest.mark.parametrize(("name", "split"), [("MSRVTT_data.json", "train"), ("MSRVTT_JSFUSION_test.csv", "test")])
def test_a_missing_file_is_named_with_source_layout_and_the_miniature(tmp_path, name, split):
    put(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UserError) as error:
        read_msrvtt(tmp_path, split)
    for part in ("MSR-VTT", name, MSRVTT.url, "research use", "videos/all/<video_id>.mp4", "MINI=1"):
        assert part in str(error.value)


def test_lists_and_captions_that_do_not_belong_together_are_refused(tmp_path):
    put(tmp_path)
    (tmp_path / "MSRVTT_train.9k.csv").write_text("video_id\nvideo8\n")
    with pytest.raises(UserError, match="no caption of video8"):
        read_msrvtt(tmp_path, "train")
