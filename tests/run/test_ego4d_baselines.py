"""Every task of Ego4D, trained on its miniature, is clearly above the best answer that looks at no video."""

import json
from pathlib import Path

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.run.folder import latest_done


def run(name: str, results: Path) -> Path:
    assert main(["run", name, "--mini", f"paths.results={results}", "wandb.mode=disabled"]) == 0
    folder = latest_done(results, name, mini=True)
    assert folder is not None
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "figures"),
    [
        ("nlq", {"R@1 IoU=0.3": 2.0, "R@1 IoU=0.5": 2.0, "mIoU": 2.0}),
        ("mq", {"avg_mAP": 2.0, "retrieval/Recall@1x tIoU=0.5": 3.0}),
        ("fhp", {"500 / total displacement": 1.25}),
        ("scod", {"AP": 5.0, "AP50": 5.0, "AP75": 5.0}),
        ("sta", {"noun_verb_top5_mAP": 2.0, "noun_ttc_top5_mAP": 1.2, "overall_top5_mAP": 3.0}),
    ],
)
def test_clearly_above_the_constant(task, figures, tmp_path):
    if task == "scod":
        pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed: the extra `detection`")
    folder = run(f"ego4d/{task}", tmp_path)  # with the encoders and features that it starts from
    (path,) = folder.glob("row-*.json")
    row = json.loads(path.read_text())
    assert bool(row["coverage"]["missing"]) == (task == "nlq")  # whose empty queries nobody can answer
    for name, times in figures.items():
        assert row["metrics"][name] > times * row["chance"][name] > 0, name
    assert (folder / "submission.json").is_file()
