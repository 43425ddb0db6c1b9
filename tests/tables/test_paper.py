import hashlib
import json

import pytest
import yaml

from internvideo_pl.errors import UserError
from internvideo_pl.tables.paper import PAPER_FILE, benchmark, paper
from internvideo_pl.tables.protocol import PAPER_PROTOCOLS

# Of every figure, name and note in the file, in order. When a figure is corrected on purpose, so is this.
CONTENT = "51d6983333338528fc9d0a86a213a28040555cc223821bf84658400151a7c199"


def test_no_figure_changes_by_accident():
    content = json.dumps(yaml.safe_load(PAPER_FILE.read_text(encoding="utf-8")))
    assert hashlib.sha256(content.encode()).hexdigest() == CONTENT


def test_benchmarks_are_numbered_and_complete():
    benchmarks = paper().benchmarks
    assert [found.n for found in benchmarks.values()] == list(range(1, 41))
    assert [found.id for found in benchmarks.values()] == list(benchmarks)
    groups = [found.group for found in benchmarks.values()]
    assert {group: groups.count(group) for group in groups} == {
        "action": 14,
        "language": 9,
        "zero_shot": 9,  # eight of the 39, and zero-shot recognition
        "open_world": 8,
    }
    assert set(PAPER_PROTOCOLS) == set(benchmarks)


# figures from the paper's abstract, its tables 2 to 7 and the release's own tables, typed here by hand
@pytest.mark.parametrize(
    ("name", "metric", "ours", "previous"),
    [
        ("k400", "top1", 91.1, 89.9),
        ("ssv2", "top1", 77.2, 75.6),
        ("thumos14", "avg_mAP", 71.58, 66.80),
        ("ava22", "mAP@0.5", 41.01, 38.80),
        ("msrvtt_ret", "dsl/t2v/R@1", 55.2, 55.0),
        ("msrvtt_ret", "dsl/v2t/R@1", 57.9, 55.5),
        ("lsmdc_ret_zs", "dsl/t2v/R@1", 17.6, 17.0),
        ("msvd_qa", "acc_in_vocab", 55.5, 48.3),
        ("ucf101_mitv2", "AUROC", 91.85, 86.99),
        ("vlnce_r2r", "SPL", 48.4, 39.0),
        ("ego4d_sta", "overall_top5_mAP", 3.40, 2.45),
    ],
)
def test_figures_have_the_names_that_runs_use(name, metric, ours, previous):
    assert benchmark(name).paper[metric] == ours
    assert benchmark(name).previous[metric] == previous


def test_retrieval_has_five_figures_a_direction():
    figures = benchmark("lsmdc_ret").paper
    assert next(iter(figures)) == benchmark("lsmdc_ret").headline == "dsl/t2v/R@1"
    assert [figures[f"dsl/v2t/{name}"] for name in ("R@1", "R@5", "R@10", "MedR", "MeanR")] == [
        34.9,
        54.6,
        63.1,
        4.0,
        32.9,
    ]


def test_printed_rows_fill_their_columns():
    tables = paper().tables
    assert set(tables) == {"2", "4", "5", "6", "7", "open_set", "navigation"}
    assert all(len(row) == 1 + len(table.columns) for table in tables.values() for row in table.rows)
    assert ("InternVideo-T", "1.3B", 91.1, 91.3, 84.0) in tables["2"].rows
    assert paper().training_cost["internvideo_gpu_hours_a100"] == 64500


def test_unknown_benchmark_names_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'k400'"):
        benchmark("k40")
