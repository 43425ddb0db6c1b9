import pytest

from internvideo_pl.tables.benchmark import benchmark_table, metric_words
from internvideo_pl.tables.row import Coverage
from tests.tables.rows import k400, make_row


def column(table, name):
    at = [column.name for column in table.columns].index(name)
    return [row[at] for row in table.rows]


def texts(table, name):
    return [cell.text for cell in column(table, name)]


def test_a_row_a_line_with_the_paper_beside_comparable_ones_only():
    rows = [k400(90.9), k400(95.0, protocol={"split": "test"}), k400(40.0, mini=True)]
    table = benchmark_table(rows, "Kinetics-400")
    assert texts(table, "ours") == ["90.9", "95.0", "40.0"]
    assert texts(table, "paper") == ["91.10", "-", "-"]
    assert texts(table, "verdict") == ["reproduced", "not comparable: split is test, not val", "miniature"]
    assert [column.name for column in table.columns[:3]] == ["model", "task", "metric"]


def test_the_best_is_marked_among_its_like_only():
    rows = [
        make_row(model="a", metrics={"top1": 70.0}),
        make_row(model="b", metrics={"top1": 80.0}),
        make_row(model="other protocol", metrics={"top1": 99.0}, protocol={"split": "val"}),
        make_row(model="other task", task="zero_shot_recognition", metrics={"top1": 30.0}),
    ]
    marked = [row[0].text for row in benchmark_table(rows, "t").rows if any(cell.best for cell in row)]
    assert marked == ["b"]


def test_a_difference_that_means_nothing_is_said_to():
    # two shares on 200 videos, best 80 %: 1.96 * sqrt(2 * .8 * .2 / 200) = 7.8 points
    rows = [make_row(model="a"), make_row(model="b", metrics={"top1": 75.0})]
    notes = benchmark_table(rows, "t", notes=["The caller's own."]).notes
    assert notes[0] == "The caller's own."
    assert "on 200 videos, differences of less than 7.8 points are within sampling error" in notes[1]
    assert "miniature" in notes[-1]


def test_a_lone_row_has_no_rank():
    table = benchmark_table([make_row()], "t")
    assert not any(cell.best for row in table.rows for cell in row)
    assert not any("sampling error" in note for note in table.notes)


def test_columns_that_say_nothing_are_left_out():
    assert "paper" not in [column.name for column in benchmark_table([make_row()], "t").columns]
    assert "chance" not in [column.name for column in benchmark_table([make_row(chance={})], "t").columns]


def test_all_metrics_with_a_chance_level():
    row = make_row(chance={"top1": 25.0, "top5": 100.0, "not measured": 1.0})
    assert texts(benchmark_table([row], "t", all_metrics=True), "metric") == ["top-1", "top-5"]
    assert texts(benchmark_table([row], "t"), "metric") == ["top-1"]


def test_missing_videos_give_bounds_and_a_note():
    cover = Coverage(198, 200, ("clip one", "clip two"))
    row = make_row(metrics={"top1": 80.0, "top1/low": 79.2, "top1/high": 80.2}, coverage=cover)
    table = benchmark_table([row], "t")
    assert texts(table, "ours") == ["80.0 [79.2, 80.2]"]
    assert column(table, "ours")[0].raw == 80.0
    assert "198 of 200 test videos were read" in table.notes[0]
    assert "clip one, clip two" in table.notes[0]


def test_bars_only_where_a_hundred_is_the_end():
    bars = column(benchmark_table([make_row()], "t"), "ours")[0].bar
    assert (bars.value, bars.chance) == (80.0, 25.0)
    row = make_row(metrics={"t2v/MedR": 4.0}, headline="t2v/MedR")
    assert column(benchmark_table([row], "t"), "ours")[0].bar is None


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("top1", "top-1"),
        ("t2v/R@5", "text to video R@5"),
        ("dsl/v2t/MedR", "video to text MedR, dual softmax"),
        ("avg_mAP", "avg_mAP"),
    ],
)
def test_metric_words(metric, words):
    assert metric_words(metric) == words
