import math
import xml.etree.ElementTree as ET

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.tables.axis import ticks
from internvideo_pl.tables.curves import loss_curves, read_metrics, run_drawings, running_mean
from internvideo_pl.tables.drawing import Text
from internvideo_pl.tables.plot import Line, line_drawing, line_plot


def log(tmp_path, text):
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    return path


SPARSE = """epoch,step,train/loss_step,train/loss_epoch,val/loss,lr
0,0,2.0,,,0.1
0,1,1.0,,,0.1
0,1,,1.5,,
0,1,,,1.2,
"""


def test_columns_are_read_where_they_were_logged(tmp_path):
    series = read_metrics(log(tmp_path, SPARSE))
    assert set(series) == {"train/loss_step", "train/loss_epoch", "val/loss", "lr"}
    assert (series["train/loss_step"].steps, series["train/loss_step"].values) == ([0, 1], [2.0, 1.0])
    assert (series["val/loss"].steps, series["val/loss"].values) == ([1], [1.2])


def test_one_drawing_a_stage_of_its_losses_only(tmp_path):
    (curve,) = loss_curves([("Alignment", log(tmp_path, SPARSE))])
    assert curve.alt == "Alignment, up to step 1: loss from 2 to 1; val loss from 1.2 to 1.2"
    texts = [element.text for element in ET.fromstring(curve.svg.replace("&nbsp;", " ")).iter() if element.text]
    assert any(text.strip() == "val loss" for text in texts)
    assert not any(text.strip() == "lr" for text in texts)


@pytest.mark.parametrize("text", ["step,train/loss\n0,abc\n", "epoch,train/loss\n0,1.0\n", "step,train/loss\nx,1.0\n"])
def test_a_file_that_is_no_log_is_said_in_a_sentence(tmp_path, text):
    with pytest.raises(UserError, match="is not a training log"):
        read_metrics(log(tmp_path, text))
    with pytest.raises(UserError, match="cannot be read"):
        read_metrics(tmp_path / "absent.csv")


@pytest.mark.parametrize("values", ["", "0,nan\n1,nan\n"])
def test_a_stage_without_a_finite_loss_says_so(tmp_path, values):
    (curve,) = loss_curves([("Empty", log(tmp_path, f"step,train/loss\n{values}"))])
    assert curve.alt == "Empty: no loss was logged"
    assert "no loss was logged" in curve.svg


def test_running_mean():
    assert running_mean([3.0] * 50) == pytest.approx([3.0] * 50)
    ramp = [float(i) for i in range(200)]
    assert running_mean(ramp)[20:-20] == pytest.approx(ramp[20:-20])  # centred: no lag behind a trend
    gap = running_mean([1.0, math.nan, 1.0])
    assert gap[0] == gap[2] == 1.0
    assert math.isnan(gap[1])


def test_quantities_of_unlike_units_have_drawings_of_their_own(tmp_path):
    head = "step,pace/clips_per_second,pace/peak_memory_gb,gates/a,gates/b\n"
    drawn = run_drawings(log(tmp_path, head + "0,300,1.5,0,0\n1,310,1.5,0.1,0.2\n"))
    assert list(drawn) == ["pace: clips per second", "pace: peak memory gb", "gates"]
    assert drawn["gates"].alt == "gates, up to step 1: a from 0 to 0.1; b from 0 to 0.2"


def test_a_legend_takes_the_lines_that_it_needs():
    lines = [Line(f"a rather long name {i}", [0, 1], [0.0, i], [0.0, i]) for i in range(5)]
    one, many = line_drawing(lines[:1], "", "step"), line_drawing(lines, "", "step")
    assert many.height > one.height
    rows = [shape for shape in many.shapes if isinstance(shape, Text) and len(shape.spans) > 1]
    assert "".join(span.text for row in rows for span in row.spans).count("a rather long name") == 5
    assert max(sum(len(span.text) for span in row.spans) for row in rows) < 70


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.41, 1.02, [0.6, 0.8, 1.0]),
        (0, 1099, [0, 500, 1000]),
        (-3, 7, [-2, 0, 2, 4, 6]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_a_plot_is_sound_for_odd_data():
    constant = Line("<flat> & wide", [0, 10**9], [1e20, 1e20], [1e20, 1e20])
    lone = Line("lone", [5], [0.5], [0.5])
    for lines in ([constant], [lone], [constant, lone], [Line("gap", [0, 1, 2], [1.0, math.nan, 2.0], [1.0] * 3)] * 8):
        svg = ET.fromstring(line_plot(lines, 'a "quoted" <alt>', "step"))
        assert svg.get("aria-label") == 'a "quoted" <alt>'
        paths = [element.get("d") for element in svg.iter() if element.tag.endswith("path")]
        assert not any("nan" in path or "inf" in path for path in paths)
        assert not any(element.get("id") for element in svg.iter())


def test_a_gap_breaks_the_line():
    svg = line_plot([Line("gap", [0, 1, 2, 3], [1.0, 2.0, math.nan, 1.5], [math.nan] * 4)], "alt", "step")
    pale = next(element.get("d") for element in ET.fromstring(svg).iter() if "opacity" in (element.get("style") or ""))
    assert pale.count("M") == 2


def test_long_logs_stay_small():
    steps = list(range(100_000))
    values = [1 / (1 + step) for step in steps]
    assert len(line_plot([Line("loss", steps, values, values)], "alt", "step")) < 20_000
