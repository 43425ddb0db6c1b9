"""How long videos last by their annotation, and what is known to be wrong with copies."""

import json

import pytest

from data_modules import DATASETS
from data_modules.kinetics import Kinetics400, KineticsConfig
from data_modules.msrvtt import MsrVtt
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.captions import CaptionConfig


@pytest.mark.parametrize(
    ("key", "seconds"),
    [("--aB_3-dE5f_000007_000017", 10.0), ("_xYz-1_2345_000000_000004", 4.0), ("0_1_2_3_4_5_001234_001244", 10.0)],
)
def test_kinetics_says_it_in_the_key(tmp_path, key, seconds):
    data = Kinetics400(KineticsConfig(name="kinetics400", num_frames=4, batch_size=1), tmp_path)
    assert data.seconds(Sample("anywhere.mp4", key)) == seconds


@pytest.mark.parametrize("folder", [".", "msrvtt_data"])
def test_msrvtt_says_it_in_the_json(tmp_path, folder):
    (tmp_path / folder).mkdir(exist_ok=True)
    video = {"video_id": "video7", "start time": 137.72, "end time": 149.44}  # as in the release
    (tmp_path / folder / "MSRVTT_data.json").write_text(json.dumps({"videos": [video], "sentences": []}))
    data = MsrVtt(CaptionConfig(name="msrvtt", num_frames=4, batch_size=1), tmp_path)
    assert data.seconds(Sample("anywhere.mp4", "video7")) == pytest.approx(11.72)
    assert data.seconds(Sample("anywhere.mp4", "video8")) is None


def test_without_the_json_nobody_knows(tmp_path):
    data = MsrVtt(CaptionConfig(name="msrvtt", num_frames=4, batch_size=1), tmp_path)
    assert data.seconds(Sample("anywhere.mp4", "video7")) is None


@pytest.mark.parametrize("name", [name for name, (kind, _) in DATASETS.items() if kind.facts.splits])
def test_every_dataset_with_official_lists_states_source_licence_terms_layout_counts_and_defects(name):
    facts = DATASETS[name][0].facts
    assert all((facts.url, facts.licence, facts.terms, facts.layout, facts.splits, facts.defects))
    assert all(not defect.endswith(".") for defect in facts.defects)
