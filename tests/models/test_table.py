"""The documents on models say what the code computes, and their example runs."""

import re

import pytest
import torch

from internvideo_pl.folders import project_root
from internvideo_pl.models import load
from internvideo_pl.models.cost import parameters
from internvideo_pl.models.sizes import SIZES
from internvideo_pl.models.table import LISTED, meta_network, released_table, sizes_table
from internvideo_pl.weights.released import RELEASED
from tests.data.clips import write_video

DOCS = project_root() / "docs"
SCALES = {"M": 1e6, "B": 1e9}
TRUNCATED = {"internvideo_t"}  # 1.39 B; the paper's 1.3 B are its encoders alone


@pytest.mark.parametrize(
    "size", [size for size in LISTED if size.expected], ids=lambda size: f"{size.name}-{size.what}"
)
def test_parameters_are_those_that_others_count(size):
    number, unit = size.expected.split()
    found = parameters(meta_network(size)) / SCALES[unit]
    step = 10.0 ** -len(number.partition(".")[2])
    if size.name in TRUNCATED:
        assert float(number) <= found < float(number) + step
    else:
        assert abs(found - float(number)) <= 0.51 * step  # rounded half up or to even, by whoever printed it


def test_the_documents_hold_the_tables():
    """Renewed with `python -m internvideo_pl.models.table`."""
    text = (DOCS / "models.md").read_text(encoding="utf-8")
    assert sizes_table() in text
    assert released_table() in text


def test_every_size_is_listed():
    without = {name for name in SIZES if name not in {size.name for size in LISTED}}
    assert without == {"motion_tower_tiny", "motion_tower_large", "motion_tower_large_336", "coordinated_tiny_t"}


def test_names_in_the_documents_exist():
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r'load\("(\w+)"', text))
    assert named
    assert named <= {*RELEASED, *SIZES}


def test_the_example_runs_as_it_is_printed(tmp_path, monkeypatch, capsys):
    """With tiny untrained models in place of the released ones, and a generated clip."""
    tiny = {"internvideo_mm_l14": "multimodal_tiny", "internvideo_mae_b": "masked_tiny"}
    monkeypatch.setattr("internvideo_pl.models.load", lambda name: load(tiny[name], fresh=True))
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "clip.mp4", frames=40)
    torch.manual_seed(0)
    example = re.search(r"```python\n(.*?)```", (DOCS / "api.md").read_text(encoding="utf-8"), re.S)[1]
    assert len(example.splitlines()) <= 11
    found: dict = {}
    exec(example, found)
    assert capsys.readouterr().out.count("\n") == 3
    assert found["vectors"].shape == (2, 64)
    assert torch.equal(found["vectors"][0], found["vectors"][1])
    assert found["original"].shape == found["completed"].shape == (1, 8, 48, 48, 3)
