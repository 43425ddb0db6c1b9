"""Readers of text-video sets: odd sentences are kept, empty ones named, and no id leads out of the videos' folder."""

import csv
import json
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from data_modules.activitynet_captions import read_activitynet_captions
from data_modules.didemo import read_didemo
from data_modules.lsmdc import LISTS, read_lsmdc
from data_modules.lsmdc_mc import LsmdcMc
from data_modules.msrvtt import read_full, read_msrvtt
from data_modules.msrvtt_mc import MsrVttMc
from data_modules.msvd import read_msvd
from data_modules.msvd_qa import MsvdQa, MsvdQaConfig
from data_modules.tgif_qa import TgifAction, TgifConfig, TgifCount, TgifQa, TgifQaConfig, TgifTransition
from data_modules.vatex import read_vatex
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.module import Split
from internvideo_pl.errors import UserError

# emoji with joiners, right to left, longer than any context, control characters and a separator, quotes, full width
ODD = (
    "🐕 läuft 👩‍👩‍👧",
    "كلب يركض ← \u202eخلف",
    "word " * 499 + "word",
    "a\x01dog\x07\u2028runs\x85on",
    'a "quoted',
    "ＡＢＣ é",
)
OUTSIDE = ("../v", "/etc/passwd", "a/../../v", "..", ".", "..\\v", "C:\\v", "v\x00", "")


def put(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8", newline="")


def _msrvtt(root: Path, split: str, name: str, texts: tuple[str, ...]) -> None:
    videos = [{"video_id": name, "split": split}]
    put(root / "MSRVTT_data.json", {"videos": videos, "sentences": [{"video_id": name, "caption": x} for x in texts]})
    put(root / "MSRVTT_train.9k.csv", f"video_id\n{name}\n")


def _msvd(root: Path, split: str, name: str, texts: tuple[str, ...]) -> None:
    put(root / f"{split}_list.txt", f"{name}\n")
    (root / "raw-captions.pkl").write_bytes(pickle.dumps({name: [text.split(" ") for text in texts]}))


def _lsmdc(root: Path, split: str, name: str, texts: tuple[str, ...]) -> None:
    put(root / LISTS[split], "".join("\t".join([name, *["00.00.01.000"] * 4, text]) + "\r\n" for text in texts))


def _activitynet(root: Path, split: str, name: str, texts: tuple[str, ...]) -> None:
    put(root / {"train": "train.json", "test": "val_1.json"}[split], {name: {"sentences": list(texts)}})


def _didemo(root: Path, split: str, name: str, texts: tuple[str, ...]) -> None:
    put(root / f"{split}_list.txt", "v\n")
    put(root / f"{split}_data.json", [{"video": name, "description": text} for text in texts])


def _vatex(root: Path, split: str, name: str, texts: tuple[str, ...]) -> None:
    put(root / "test_list.txt", "v\n")
    file = {"train": "vatex_training_v1.0.json", "test": "vatex_validation_v1.0.json"}[split]
    put(root / file, [{"videoID": name, "enCap": list(texts)}])


@dataclass(frozen=True)
class Reader:
    """How one set is written and read.

    Attributes:
        write: (root, split, video, sentences) -> its official files.
        read: (root, split) -> the split.
        sentence: Where its n-th sentence stands.
        video: Where the video v lies.
        joined: Whether its sentences become a paragraph.
        id: Where the id stands that a path is made of.
    """

    write: Callable[[Path, str, str, tuple[str, ...]], None]
    read: Callable[[Path, str], Split]
    sentence: str
    video: str
    id: str
    joined: bool = False


READERS = {
    "msrvtt": Reader(
        _msrvtt, read_msrvtt, "MSRVTT_data.json, sentence {}", "videos/all/v.mp4", r"(train.9k.csv, line|sentence) \d"
    ),
    "msrvtt_full": Reader(
        _msrvtt, read_full, "MSRVTT_data.json, sentence {}", "videos/all/v.mp4", "MSRVTT_data.json, sentence 1"
    ),
    "msvd": Reader(_msvd, read_msvd, "raw-captions.pkl, v, sentence {}", "YouTubeClips/v.avi", "list.txt, line 1"),
    "lsmdc": Reader(_lsmdc, read_lsmdc, "LSMDC16_annos_training.csv, line {}", "videos/v.avi", r"csv, line 1"),
    "activitynet": Reader(
        _activitynet,
        read_activitynet_captions,
        "train.json, v, sentence {}",
        "videos/v.mkv",
        r"(train|val_1).json, ",
        True,
    ),
    "didemo": Reader(_didemo, read_didemo, "train_data.json, entry {}", "videos/v", r"_data.json, entry 1", True),
    "vatex": Reader(
        _vatex, read_vatex, "vatex_training_v1.0.json, entry 1, caption {}", "videos/v.mp4", r"v1.0.json, entry 1"
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_odd_sentences_are_kept_and_those_that_say_nothing_are_named(tmp_path, name):
    reader, said = READERS[name], ("", *ODD, " \x07\t" if name != "lsmdc" else " \x07")
    reader.write(tmp_path, "train", "v", said)
    put(tmp_path / reader.video, "")
    found = reader.read(tmp_path, "train")
    (sample,) = found.samples
    kept = [" ".join(text.split(" ")) for text in ODD]
    assert sample.texts == ((" ".join(kept),) if reader.joined else tuple(kept))
    assert [fault.path for fault in found.faults] == [
        f"{tmp_path}/{reader.sentence.format(number)}" for number in (1, len(said))
    ]
    assert all("is empty" in fault.reason for fault in found.faults)


@pytest.mark.parametrize("name", ["msrvtt_full", "msvd", "activitynet", "didemo", "vatex"])
def test_odd_sentences_stay_queries_of_a_test_the_empty_one_too(tmp_path, name):
    reader = READERS[name]
    reader.write(tmp_path, "test", "v", ("", *ODD))
    put(tmp_path / reader.video, "")
    (sample,) = reader.read(tmp_path, "test").samples
    assert sample.texts == ((" ".join(["", *ODD]),) if reader.joined else ("", *ODD))


@pytest.mark.parametrize("name", ["msrvtt", "lsmdc"])
@pytest.mark.parametrize("text", ["", *ODD])
def test_a_test_lists_own_sentence_is_the_query_whatever_it_is(tmp_path, name, text):
    if name == "msrvtt":
        with (tmp_path / "MSRVTT_JSFUSION_test.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["key", "vid_key", "video_id", "sentence"], ["ret0", "msr1", "v", text]])
    else:
        _lsmdc(tmp_path, "test", "v", (text,))
    put(tmp_path / READERS[name].video, "")
    (sample,) = READERS[name].read(tmp_path, "test").samples
    assert sample.texts == (text,)


@pytest.mark.parametrize("video", OUTSIDE)
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", READERS)
def test_no_id_leads_out_of_the_folder(tmp_path, name, split, video):
    reader = READERS[name]
    if (name, split) == ("msrvtt", "test"):
        put(tmp_path / "MSRVTT_JSFUSION_test.csv", f'key,vid_key,video_id,sentence\nret0,msr1,"{video}",a\n')
        place = "JSFUSION_test.csv, line 2"
    else:
        reader.write(tmp_path, split, video, ("a dog",))
        place = reader.id
    if (name, video) == ("msvd", ""):
        assert reader.read(tmp_path, split).official == 0  # a blank line names nothing
        return
    with pytest.raises(UserError, match=re.escape(str(tmp_path)) + ".*" + place + ".*is no name of a video"):
        reader.read(tmp_path, split)


@pytest.mark.parametrize("clip", [".._00.00.01.000-00.00.02.000", "._00.00.01.000-00.00.02.000"])
def test_no_film_of_lsmdc_leads_out_of_the_folder(tmp_path, clip):
    put(tmp_path / f"{clip}.avi", "")
    _lsmdc(tmp_path, "train", clip, ("a",))
    with pytest.raises(UserError, match=r"training.csv, line 1: '\.+' is no name of a video"):
        read_lsmdc(tmp_path, "train")
    row = "\t".join([clip, *["00.00.01.000"] * 4, *"abcde", "1"])
    put(tmp_path / "LSMDC16_multiple_choice_test_randomized.csv", row)
    with pytest.raises(UserError, match=r"randomized.csv, line 1: '\.+' is no name of a video"):
        LsmdcMc(ClipConfig(name="x", num_frames=1, batch_size=1), tmp_path).read("test")


CHOICE = "gif_name\tquestion\ta1\ta2\ta3\ta4\ta5\tanswer\tvid_id\tkey\r\n{}\t{}\ta\tb\tc\td\te\t1\tX1\t1\r\n"
TGIF = {
    "frameqa": (
        TgifQa,
        TgifQaConfig,
        "gif_name\tquestion\tanswer\ttype\tvid_id\tkey\tdescription\r\n{}\t{}\ta\t0\tX1\t1\ta .\r\n",
    ),
    "action": (TgifAction, TgifConfig, CHOICE),
    "transition": (TgifTransition, TgifConfig, CHOICE),
    "count": (TgifCount, TgifConfig, "gif_name\tquestion\tanswer\tvid_id\tkey\r\n{}\t{}\t2\tX1\t1\r\n"),
}


def tgif(root: Path, part: str, gif: str, question: str) -> Split:
    kind, config, rows = TGIF[part]
    for half in ("Train", "Test"):
        put(root / f"{half}_{part}_question.csv", rows.format(gif, question))
    return kind(config(name="x", num_frames=1, batch_size=1), root).read("test")


@pytest.mark.parametrize("part", TGIF)
@pytest.mark.parametrize("question", ["", *(text for text in ODD if '"' not in text), '"a ""quoted"" dog ?"'])
def test_odd_questions_about_gifs_are_read_as_they_stand(tmp_path, part, question):
    put(tmp_path / "gifs/g.gif", "")
    (sample,) = tgif(tmp_path, part, "g", question).samples
    assert sample.texts == ('a "quoted" dog ?' if question.startswith('"') else question,)


@pytest.mark.parametrize("part", TGIF)
@pytest.mark.parametrize("video", OUTSIDE)
def test_no_gif_lies_outside_of_the_folder(tmp_path, part, video):
    with pytest.raises(UserError, match=rf"{part}_question.csv, line 2: .*is no name of a video"):
        tgif(tmp_path, part, video, "what ?")


@pytest.mark.parametrize("video", [name for name in OUTSIDE if name])
def test_no_choice_or_mapping_leads_out_of_the_folder(tmp_path, video):
    config = {"num_frames": 1, "batch_size": 1}
    put(tmp_path / "msrvtt_mc_test.jsonl", {"clip_name": video, "options": list("abcde"), "answer": 0, "qid": 0})
    with pytest.raises(UserError, match=r"msrvtt_mc_test.jsonl, line 1: .*is no name of a video"):
        MsrVttMc(ClipConfig(name="x", **config), tmp_path).read("test")
    put(tmp_path / "youtube_mapping.txt", f"{video} vid1\n")
    for split in ("train", "test"):
        put(tmp_path / f"{split}_qa.json", [{"question": "what?", "answer": "a", "video_id": 1, "id": 0}])
    with pytest.raises(UserError, match=r"youtube_mapping.txt, line 1: .*is no name of a video"):
        MsvdQa(MsvdQaConfig(name="x", **config), tmp_path).read("test")
