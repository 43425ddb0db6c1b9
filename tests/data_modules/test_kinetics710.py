"""Kinetics-710 against its merge rules written out by hand, and its classes against the public lists."""

import json
from collections import Counter

import pytest

from data_modules.kinetics import KineticsConfig
from data_modules.kinetics710 import Kinetics710
from data_modules.kinetics_classes import SYNONYMS, class_of, public_order
from internvideo_pl.data.mini import kinetics710 as mini
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError
from internvideo_pl.folders import project_root

SHARED = project_root().parent / "shared"
HEADER = "label,youtube_id,time_start,time_end,split"
LISTS = {
    "kinetics400": {
        "train": ["archery,aaaaaaaaaaa", "hugging,bbbbbbbbbbb", "tying tie,-c_cccccccc", "archery,leak4444444"],
        "val": ["archery,vvvvvvvvvvv"],
    },
    "kinetics600": {
        "train": ["hugging (not baby),bbbbbbbbbbb", "acting in play,ddddddddddd", "archery,gone0000000"],
        "val": ["hugging (not baby),vvvvvvvvvvv", "archery,leak4444444"],
    },
    "kinetics700": {
        "train": [
            "zip lining,vvvvvvvvvvv",
            "tying necktie,eeeeeeeeeee",
            "hugging (not baby),gone0000000",
            "acting in play,fffffffffff",
        ],
        "val": ["acting in play,wwwwwwwwwww", "tying necktie,lost0000000"],
    },
}
GONE = {("kinetics600", "gone0000000"), ("kinetics700", "lost0000000")}


@pytest.fixture
def root(tmp_path):
    for version, lists in LISTS.items():
        for split, rows in lists.items():
            folder = tmp_path / "kinetics710" / version
            (folder / "annotations").mkdir(parents=True, exist_ok=True)
            (folder / split).mkdir()
            lines = [f"{row},3,13,{split}" for row in rows]
            (folder / "annotations" / f"{split}.csv").write_text("\n".join([HEADER, *lines]) + "\n")
            for row in rows:
                identity = row.rsplit(",", 1)[1]
                if (version, identity) not in GONE:
                    (folder / split / f"{identity}_000003_000013.mp4").touch()
    return tmp_path / "kinetics710"


def data(root) -> Kinetics710:
    return Kinetics710(KineticsConfig(name="kinetics710", num_frames=2, batch_size=1), root)


def found(split) -> dict[str, tuple[str, int]]:
    return {sample.key[:11]: (sample.path.split("/")[-3], sample.label) for sample in split.samples}


def test_the_union_merges_ids_and_names_and_bans_validation(root):
    one = data(root)
    # Kinetics-400's classes first, under the newer name, then the others as the public list has them
    assert one.classes[:3] == ["archery", "hugging (not baby)", "tying necktie"]
    assert sorted(one.classes[3:]) == ["acting in play", "zip lining"]
    label = one.classes.index
    assert found(one.split("train")) == {
        "aaaaaaaaaaa": ("kinetics400", label("archery")),
        "bbbbbbbbbbb": ("kinetics400", label("hugging (not baby)")),  # in 600 too
        "-c_cccccccc": ("kinetics400", label("tying necktie")),
        "ddddddddddd": ("kinetics600", label("acting in play")),
        "eeeeeeeeeee": ("kinetics700", label("tying necktie")),
        "fffffffffff": ("kinetics700", label("acting in play")),
        "gone0000000": ("kinetics700", label("hugging (not baby)")),  # the older list's file is not on disk
    }  # without vvv and leak, which are in a validation list
    assert found(one.split("test")) == {
        "vvvvvvvvvvv": ("kinetics400", label("archery")),
        "leak4444444": ("kinetics600", label("archery")),
        "wwwwwwwwwww": ("kinetics700", label("acting in play")),
    }
    assert one.split("test").missing == ["lost0000000_000003_000013"]


def test_the_three_may_lie_beside_one_another(root):
    moved = root.rename(root.with_name("all"))
    assert len(data(moved / "kinetics710").split("train").samples) == 7


def test_a_missing_version_is_named(root):
    (root / "kinetics600").rename(root / "k600")
    with pytest.raises(UserError, match="Kinetics-600 was not found"):
        data(root).split("train")


def test_the_public_order_has_every_class_once():
    names = public_order()
    assert len(names) == len(set(names)) == 710
    assert {class_of(name) for name in names} == set(names)
    assert len(SYNONYMS) == 15


def test_classes_of_the_miniature_and_its_overlaps(tmp_path):
    sizes = {"train": 6, "val": 2}
    folder = make_mini("kinetics710", tmp_path, workers=1, size=16, frames=2, **sizes)
    one = data(folder)
    classes = len(mini.CLASSES)
    assert len(one.classes) == classes == 12
    assert "hugging (not baby)" in one.classes
    train, val = one.split("train").samples, one.split("test").samples
    assert Counter(sample.label for sample in train) == dict.fromkeys(range(classes), sizes["train"])
    assert Counter(sample.label for sample in val) == dict.fromkeys(range(classes), sizes["val"])
    identities = [{sample.key[:11] for sample in split} for split in (train, val)]
    assert not identities[0] & identities[1]
    assert len(list(folder.rglob("*.mp4"))) > len(train) + len(val)  # there was something to merge and to take away


@pytest.mark.skipif(not (SHARED / "data/action/k710").is_dir(), reason="wants the public label lists")
def test_classes_and_merges_are_those_of_the_public_lists():
    folder = SHARED / "data/action"
    read = lambda name: [line for line in (folder / name).read_text().splitlines() if line.strip()]  # noqa: E731
    assert json.loads((folder / "k710/videomaev2_k710_identical_label_merge.json").read_text()) == SYNONYMS
    assert read("k710/mmaction2_uniformerv2_label_map_k710.txt") == public_order()
    lists = [read(f"kinetics/label_map_k{number}.mmaction2_sorted.txt") for number in (400, 600, 700)]
    assert {class_of(name) for names in lists for name in names} == set(public_order())
    assert [class_of(name) for name in lists[0]] == public_order()[:400]
