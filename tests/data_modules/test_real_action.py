"""Real files of action benchmarks beside those of each reader's own test: names, predictions, other people's lists."""

import json
from collections import Counter

from data_modules.activitynet import ACTIVITYNET
from data_modules.hacs import HACS_CLIPS
from data_modules.kinetics import KINETICS700
from data_modules.thumos14 import read_annotation, read_classes
from internvideo_pl.data.temporal.database import read_database
from internvideo_pl.data.temporal.scores import read_scores
from tests.data_modules.lists import REAL, put, real

pytestmark = real


def lines(name: str) -> list[str]:
    return [line for line in (REAL / name).read_text().splitlines() if line.strip()]


def test_activitynet_and_hacs_have_the_same_200_classes():
    names = lines("activitynet/label_map.txt")
    assert len(names) == len(set(names)) == ACTIVITYNET.num_classes == HACS_CLIPS.num_classes
    assert names == lines("hacs/label_map_200_same_as_activitynet.txt") == lines("activitynet/action_name.csv")[1:]
    assert names != sorted(names)  # so a class's number is never taken from such a list


def test_kinetics_700_has_its_classes_in_ascii_order():
    names = lines("kinetics/label_map_k700.mmaction2_sorted.txt")
    assert names == sorted(set(names))
    assert len(names) == KINETICS700.num_classes


def test_official_predictions_are_read_as_scores_of_videos():
    names = lines("activitynet/label_map.txt")
    for kind in ("classification", "detection"):
        scores = read_scores(REAL / f"activitynet/sample_{kind}_prediction.cut60.json", names)
        assert len(scores) == 60
        assert all(row.shape == (200,) and row.max() > 0 for row in scores.values())
        assert names[int(scores["wONwHYy59Tc"].argmax())] == "Blow-drying hair"


def test_official_entries_that_a_public_test_quotes_are_read(tmp_path):
    entries = json.loads((REAL / "activitynet/mmaction2_test_gt.json").read_text())
    path = put(tmp_path / "list.json", json.dumps({"database": entries}))
    videos = read_database(path, ("validation",))
    assert (videos[0].key, videos[0].duration) == ("v_bYUmtLBL7W4", 224.49)
    assert {each.label for video in videos for each in video.instances} <= set(lines("activitynet/label_map.txt"))


def test_thumos14_in_the_official_files_and_as_actionformer_packs_it_agree():
    packed = {v.key: v for v in read_database(REAL / "thumos14/thumos14.actionformer.cut.json", ("Validation", "Test"))}
    assert Counter(video.subset for video in packed.values()).total() == 22
    labels = Counter(each.label for video in packed.values() for each in video.instances)
    classes = read_classes(REAL / "thumos14")
    assert set(labels) <= set(classes)
    shared = 0
    for which in ("val", "test"):
        for video in read_annotation(REAL / "thumos14", which, list(classes)):
            if video.key in packed:
                theirs = {(each.label, each.start, each.end) for each in packed[video.key].instances}
                ours = {(each.label, each.start, each.end) for each in video.instances}
                assert ours <= theirs  # the official excerpt has the first rows of each class
                shared += len(ours)
    assert shared > 20
    for video in packed.values():  # every CliffDiving is a Diving
        at = {
            name: {(i.start, i.end) for i in video.instances if i.label == name} for name in ("CliffDiving", "Diving")
        }
        assert at["CliffDiving"] <= at["Diving"]
