"""`paper.yaml` against the file of figures that the paper was read into, figure by figure."""

from pathlib import Path

import pytest
import yaml

from internvideo_pl.folders import project_root
from internvideo_pl.tables.paper import PAPER_FILE, RETRIEVAL_FIGURES, paper

SOURCE = project_root().parent / "shared" / "paper" / "tables.yaml"

pytestmark = pytest.mark.skipif(not SOURCE.is_file(), reason="the figures' source is not beside the project")


# Metrics that a run names otherwise than the source does.
RENAMED = {"top1_in_vocab": "acc_in_vocab"}


def flat(value, name: tuple = ()) -> dict[tuple, object]:
    """Every plain value by the path that leads to it."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {path: leaf for key, inner in pairs for path, leaf in flat(inner, (*name, key)).items()}
    return {name: value}


def read(path: Path) -> dict:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    for entry in content["benchmarks"]:
        entry["metric"] = RENAMED.get(entry["metric"], entry["metric"])
    return content


def test_every_figure_name_and_note_is_equal():
    source, ours = flat(read(SOURCE)), flat(read(PAPER_FILE))
    assert len(source) > 500
    assert ours == source


def test_what_is_read_is_what_was_written():
    """The classes lose and change nothing: each figure of the source is found where a run would look for it."""
    source = read(SOURCE)
    for entry in source["benchmarks"]:
        found = paper().benchmarks[entry["id"]]
        assert (found.n, found.task, found.metric, found.group) == tuple(
            entry[k] for k in ("n", "task", "metric", "group")
        )
        assert (found.table, found.note) == (entry.get("table"), entry.get("note", ""))
        if "t2v" in entry:
            for way in ("t2v", "v2t"):
                assert [found.paper[f"dsl/{way}/{name}"] for name in RETRIEVAL_FIGURES] == entry[way]
                assert found.previous[f"dsl/{way}/R@1"] == entry[f"previous_{way}"]
        else:
            closed = {"closed/top1": entry["closed_set_top1"]} if "closed_set_top1" in entry else {}
            assert found.paper == {entry["metric"]: entry["internvideo"], **closed}
            assert found.previous == ({entry["metric"]: entry["previous"]} if "previous" in entry else {})
    assert {str(name): [list(row) for row in table.rows] for name, table in paper().tables.items()} == {
        str(name): table["rows"] for name, table in source["tables"].items()
    }
    assert paper().training_cost == source["training_cost"]
    assert list(paper().pretraining_data) == source["pretraining_data"]
