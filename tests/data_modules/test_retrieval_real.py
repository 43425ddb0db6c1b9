"""The readers of the text-video sets on real rows: the counts that are known of them."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from data_modules.activitynet_captions import read_activitynet_captions
from data_modules.didemo import DIDEMO, read_didemo
from data_modules.msrvtt import MsrVttFull, read_full, read_msrvtt
from data_modules.msvd import read_msvd
from data_modules.vatex import read_vatex
from internvideo_pl.data.captions import CaptionConfig
from internvideo_pl.data.module import Split
from tests.data_modules.official import real


def keys(found: Split) -> list[str]:
    return [sample.key for sample in found.samples] + found.missing


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "videos").mkdir()
    return tmp_path


def test_msrvtt_1k_a(root):
    for name in ("MSRVTT_JSFUSION_test.csv", "MSRVTT_train.9k.csv"):
        shutil.copy(real(f"msrvtt/{name}"), root)
    trained = [row["video_id"] for row in csv.DictReader((root / "MSRVTT_train.9k.csv").open())]
    sentences = [{"video_id": name, "caption": f"caption {i}"} for name in trained for i in range(2)]
    (root / "MSRVTT_data.json").write_text(json.dumps({"videos": [], "sentences": sentences}))
    test, train = read_msrvtt(root, "test"), read_msrvtt(root, "train")
    assert (test.official, train.official, train.missing_texts) == (1000, 9000, 18_000)
    assert not set(keys(test)) & set(keys(train))
    numbers = sorted(int(key.removeprefix("video")) for key in keys(test))
    assert (numbers[0], numbers[-1]) == (7020, 9975)
    for key in keys(test):
        (root / "videos" / f"{key}.mp4").touch()
    texts = [sample.texts for sample in read_msrvtt(root, "test").samples]
    assert {len(said) for said in texts} == {1}
    assert len(set(texts)) == 995
    full = real("msrvtt/ce_msrvtt_test_list_full.txt").read_text().split()
    assert set(keys(test)) <= set(full)
    assert len(full) == 2990
    assert set(keys(test)) == set(real("msrvtt/ce_msrvtt_val_list_jsfusion.txt").read_text().split())  # no other list


def test_an_entry_of_msrvtts_videos(root):
    told = json.loads(real("msrvtt/MSRVTT_data.videos_entry_example.json").read_text())
    sentences = [{"sen_id": 0, "video_id": "video0", "caption": "a car is shown"}]
    (root / "MSRVTT_data.json").write_text(json.dumps(told | {"sentences": sentences}))
    (root / "videos" / "video0.mp4").touch()
    (sample,) = read_full(root, "train").samples
    assert (sample.key, read_full(root, "test").official) == ("video0", 0)
    data = MsrVttFull(CaptionConfig(name="msrvtt_full", num_frames=1, batch_size=1), root)
    assert data.seconds(sample) == pytest.approx(149.44 - 137.72)


def test_msvd(root):
    for split, count in (("train", 1200), ("val", 100), ("test", 670)):
        shutil.copy(real(f"msvd/{split}_list.txt"), root)
        names = (root / f"{split}_list.txt").read_text().split()
        assert len(names) == count
    told = json.loads(real("msvd/captions_msvd.test20.json").read_text())
    (root / "captions_msvd.json").write_text(json.dumps(told | {key: ["a film"] for key in names if key not in told}))
    (root / "YouTubeClips").mkdir()
    for name in told:
        (root / "YouTubeClips" / f"{name}.avi").touch()
    test = read_msvd(root, "test")
    assert (len(test.samples), test.official) == (20, 670)
    assert [len(sample.texts) for sample in test.samples] == [len(told[sample.key]) for sample in test.samples]
    assert test.missing_texts == 650
    assert min(len(sample.texts) for sample in test.samples) >= 21
    assert max(len(sample.texts) for sample in test.samples) <= 81


def test_activitynet_captions(root):
    for name in ("train", "val_1"):
        shutil.copy(real(f"activitynet_captions/{name}.first30.json"), root / f"{name}.json")
    told = json.loads((root / "val_1.json").read_text())
    for key, ending in zip(told, (".mp4", ".mkv", ".webm") * 10, strict=True):
        (root / "videos" / (key + ending)).touch()
    test = read_activitynet_captions(root, "test")
    assert len(test.samples) == 30
    assert read_activitynet_captions(root, "train").official == 30
    for sample in test.samples:
        assert sample.texts == (" ".join(said.strip() for said in told[sample.key]["sentences"]),)
    listed = real("activitynet_captions/ce_val_1_list.txt").read_text().split()
    assert len(listed) == 4917
    assert listed[:30] == list(told)
    second = json.loads(real("activitynet_captions/val_2.first30.json").read_text())
    assert set(second) <= set(listed)  # other captions of the same videos
    assert all(second[key]["sentences"] != told[key]["sentences"] for key in second.keys() & told.keys())


def test_didemos_training_list_shares_no_video_with_the_others():
    listed = {split: real(f"didemo/ce_{split}_list.txt").read_text().split() for split in ("train", "val", "test")}
    assert {split: len(set(names)) for split, names in listed.items()} == DIDEMO.splits
    assert len({name for names in listed.values() for name in names}) == sum(DIDEMO.splits.values())


@pytest.mark.parametrize(("split", "listed", "told"), [("val", 1065, 1094), ("test", 1004, 1037)])
def test_didemo(root, split, listed, told):
    names = real(f"didemo/ce_{split}_list.txt").read_text().split()
    described = real(f"didemo/{split}_video_ids_from_{split}_data.txt").read_text().split()
    assert (len(names), len(described)) == (listed, told)
    assert set(names) <= set(described)
    excerpt = json.loads(real(f"didemo/{split}_data.first12videos.json").read_text())
    others = [{"video": name, "description": "a moment"} for name in described]
    inside = [entry for entry in excerpt if entry["video"] in names]
    (root / f"{split}_data.json").write_text(
        json.dumps(excerpt + [entry for entry in others if entry["video"] not in {e["video"] for e in excerpt}])
    )
    (root / f"{split}_list.txt").write_text("\n".join(names))
    for name in names:
        (root / "videos" / name).touch()
    found = read_didemo(root, split)
    assert [sample.key for sample in found.samples] == names
    assert all(sample.path.endswith(f"{sample.key}#t=0.000,31.000") for sample in found.samples)
    paragraphs = {sample.key: sample.texts[0] for sample in found.samples}
    first = inside[0]["video"]
    said = [entry["description"].strip() for entry in inside if entry["video"] == first]
    assert paragraphs[first] == " ".join(said)
    assert len(said) > 1


def test_vatex(root):
    shutil.copy(real("vatex/vatex_excerpt_enCap_5videos.json"), root / "vatex_validation_v1.0.json")
    told = {entry["videoID"]: entry["enCap"] for entry in json.loads((root / "vatex_validation_v1.0.json").read_text())}
    (root / "test_list.txt").write_text("\n".join(list(told)[:3]))
    for name in told:
        (root / "videos" / f"{name}.mp4").touch()
    test, val = read_vatex(root, "test"), read_vatex(root, "val")
    assert [sample.key for sample in [*test.samples, *val.samples]] == list(told)
    assert all(sample.texts == tuple(said.strip() for said in told[sample.key]) for sample in test.samples)
    assert {len(sample.texts) for sample in test.samples} == {10}
