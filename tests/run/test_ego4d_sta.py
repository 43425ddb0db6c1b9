"""Short-term anticipation from clips to its row and the server's file; official lists that are wrong by name."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from data_modules.ego4d_sta import Ego4dSta, Ego4dStaConfig
from internvideo_pl.__main__ import main
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.sizes import MASKED_VIT
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError
from internvideo_pl.heads.anticipate import ObjectAnticipator
from internvideo_pl.heads.classify import ClassifyHeadConfig
from internvideo_pl.objectives.anticipate import Anticipation, AnticipationConfig
from internvideo_pl.run.folder import latest_done
from internvideo_pl.submissions.ego4d_sta import sta_content, sta_problems
from internvideo_pl.video.sample import around


@pytest.fixture(scope="module")
def mini(tmp_path_factory) -> Path:
    return make_mini("ego4d_sta", tmp_path_factory.mktemp("mini"), workers=1, train=6, val=4, test=2)


def data(root: Path, **changes) -> Ego4dSta:
    base = {"num_frames": 8, "stride": 2, "frame_rate": 30, "size": 48, "short_side": 64, "crop": "squeeze"}
    return Ego4dSta(Ego4dStaConfig(name="ego4d_sta", batch_size=2, **base | changes), root)


def test_nothing_after_the_frame_is_seen() -> None:
    assert around(np.arange(90) / 30, 1.5, 8, 2, 30, last=True).tolist() == [31, 33, 35, 37, 39, 41, 43, 45]


def test_lists_of_the_miniature(mini) -> None:
    found = data(mini)
    train, val = found.split("train"), found.split("test")
    assert (len(train.samples), len(val.samples)) == (6, 4)
    truth = found.official_objects()
    assert (len(truth.uids), len(truth.image), len(found.verbs), len(found.nouns)) == (4, 4, 4, 5)
    known = train.samples[0].annotation
    assert all(0 <= side <= 1 for side in known["boxes"][0])
    verb, seconds = known["actions"][0]
    assert 0 <= verb < 4
    assert 0 < seconds < 3
    clip = found.evaluation_clips(val.samples)[0][0]
    assert clip.video.shape == (8, 48, 48, 3)
    assert len(clip.annotation["views"]) == len(clip.annotation["nouns"]) == len(clip.annotation["scores"])
    hidden = data(mini, test_on="test")
    assert len(hidden.split("test").samples) == 2
    assert len(hidden.official_objects().image) == 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda a: a[0]["objects"][0].update(box=[500, 5, 600, 20]),
            r"annotations\[0\].objects\[0\].box, is \[500, 5, 600, 20\], with nothing in a frame of",
        ),
        (
            lambda a: a[0]["objects"][0].update(verb_category_id=4),
            r"annotations\[0\].objects\[0\].verb_category_id, is 4, which is none of the 4 verbs",
        ),
        (lambda a: a[1].update(uid=a[0]["uid"]), r"annotations\[1\], repeats"),
        (lambda a: a[0]["objects"][0].pop("time_to_contact"), "has no 'time_to_contact'"),
    ],
)
def test_wrong_entries_are_named_by_file_and_record(mini, tmp_path, change, complaint) -> None:
    with pytest.raises(UserError, match=complaint):
        data(changed(mini, tmp_path, "fho_sta_val.json", change)).official_objects()


def changed(mini: Path, folder: Path, name: str, change) -> Path:
    """A copy of the miniature with a change to the entries of one list."""
    (folder / "v1" / "annotations").mkdir(parents=True)
    (folder / "v1" / "clips").symlink_to(mini / "v1" / "clips")
    for path in (mini / "v1" / "annotations").iterdir():
        content = json.loads(path.read_text())
        if path.name == name:
            change(content["annotations"])
        (folder / "v1" / "annotations" / path.name).write_text(json.dumps(content))
    return folder


def test_a_box_over_the_edge_is_scored_as_it_is_and_trained_on_inside(mini, tmp_path) -> None:
    def lead_out(entries) -> None:
        entries[0]["objects"][0].update(box=[-0.6, 5, 20, 500])

    root = changed(mini, tmp_path / "val", "fho_sta_val.json", lead_out)
    assert data(root).official_objects().box[0].tolist() == [-0.6, 5, 20, 500]
    root = changed(mini, tmp_path / "train", "fho_sta_train.json", lead_out)
    box = data(root).split("train").samples[0].annotation["boxes"][0]
    assert (box[0], box[3]) == (0.0, 1.0)


def test_detections_are_found_where_the_official_downloader_puts_them(mini, tmp_path) -> None:
    root = changed(mini, tmp_path, "", lambda entries: None)
    (root / "v1" / "sta_models").mkdir()
    (root / "v1" / "annotations" / "object_detections.json").rename(root / "v1/sta_models/object_detections.json")
    assert data(root).split("test").samples[0].annotation["scores"]


ROW = [1.0, 2.0, 3.0, 4.0, 0.5, 1.0, 2.0, 0.7]


def test_the_servers_file_and_its_validator() -> None:
    content = sta_content({"a": [ROW], "b": []})
    assert content["results"]["a"][0]["verb_category_id"] == 2
    assert sta_problems(content, ["a", "b"]) == []
    assert "1 of 3 uids are missing: c" in sta_problems(content, ["a", "b", "c"])[0]
    for key in content["results"]["a"][0]:
        broken = json.loads(json.dumps(content))
        del broken["results"]["a"][0][key]
        assert any(f"'{key}'" in problem for problem in sta_problems(broken, ["a", "b"]))
    assert sta_problems({**content, "challenge": "x"}, ["a", "b"])
    for key in ("time_to_contact", "score"):  # the server asks for Python's float
        whole = json.loads(json.dumps(content))
        whole["results"]["a"][0][key] = 1
        assert f"{key!r} is not a finite number with a point" in sta_problems(whole, ["a", "b"])[0]
    assert sta_problems([], ["a"])


def test_the_loss_is_its_parts_and_every_parameter_learns() -> None:
    torch.manual_seed(0)
    model = ObjectAnticipator(
        MaskedEncoder(replace(MASKED_VIT["tiny"], pooling="tokens")), 4, ClassifyHeadConfig(init_scale=1.0)
    )
    clip, boxes = torch.randn(2, 3, 8, 48, 48), torch.tensor([[0.1, 0.1, 0.6, 0.7], [0.2, 0.0, 1.0, 1.0]])
    verb, ttc = torch.tensor([1, 3]), torch.tensor([0.5, 1.5])
    found = Anticipation(model, AnticipationConfig())(clip, boxes, torch.tensor([0, 1]), verb, ttc)
    assert found["loss"].item() == pytest.approx((found["verb"] + 15 * found["time"]).item(), rel=1e-5)
    verbs, seconds = model(clip, boxes, torch.tensor([0, 1]))
    wanted = -verbs.log_softmax(1)[[0, 1], verb].mean()
    assert found["verb"].item() == pytest.approx(wanted.item(), rel=1e-5)
    gap = (seconds - ttc).abs()
    each = torch.where(gap < 1, gap**2 / 2, gap - 0.5)
    assert found["time"].item() == pytest.approx(each.mean().item(), rel=1e-5)
    found["loss"].backward()
    lacking = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert lacking == []
    model.zero_grad()
    none = Anticipation(model, AnticipationConfig())(clip, boxes[:0], verb[:0], verb[:0], ttc[:0])
    assert none["loss"].item() == 0
    none["loss"].backward()  # several processes wait for each other's gradients
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def run(results: Path, *words: str) -> Path:
    assert main(["run", "ego4d/sta", "--mini", f"paths.results={results}", "wandb.mode=disabled", *words]) == 0
    folder = latest_done(results, "ego4d/sta", mini=True)
    assert folder is not None
    return folder


def test_clips_to_a_row_and_to_the_servers_file(tmp_path) -> None:
    few = ["data.mini_sizes.train=12", "data.mini_sizes.val=6", "data.batch_size=6", "trainer.max_steps=2"]
    folder = run(tmp_path, *few)
    row = json.loads(next(folder.glob("row-*.json")).read_text())
    assert row["headline"] == "overall_top5_mAP"
    assert set(row["chance"]) == {f"{column}_top5_mAP" for column in ("noun", "noun_verb", "noun_ttc", "overall")}
    assert row["coverage"] == {"used": 6, "official": 6, "missing": []}
    assert len(json.loads((folder / "submission.json").read_text())["results"]) == 6
    trained = [*few, "trainer.max_steps=0", f"parents.trained={folder}"]
    assert (run(tmp_path, *trained) / "submission.json").read_text() == (folder / "submission.json").read_text()
    hidden = run(tmp_path, *trained, "data.test_on=test")
    assert not list(hidden.glob("row-*.json"))
    assert len(json.loads((hidden / "submission.json").read_text())["results"]) == 6


@pytest.mark.slow
def test_far_above_the_usual_verb_and_time(tmp_path) -> None:
    row = json.loads(next(run(tmp_path).glob("row-*.json")).read_text())
    assert row["metrics"]["overall_top5_mAP"] > 1.5 * row["chance"]["overall_top5_mAP"] > 1
