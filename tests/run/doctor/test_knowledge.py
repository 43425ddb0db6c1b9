"""What later doctors and runs know of videos that a doctor has read, and need not do again."""

import os
from pathlib import Path

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.config import load_experiment
from internvideo_pl.data import clips
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.doctor import pool
from internvideo_pl.data.manifest import Manifest
from internvideo_pl.run.build import build_data
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.tables.row import read_rows
from tests.data.clips import write_video
from tests.run.doctor.report import LISTS, NAME, doctor, findings, listed

REAL = Path(__file__).resolve().parents[4] / "shared" / "videos"


def test_a_second_doctor_decodes_nothing_and_says_the_same(capsys, broken, monkeypatch):
    _, first = doctor(capsys, NAME, "--mini", f"data.root={broken['root']}")
    asked = []

    def inspected(jobs, processes):
        asked.extend(job.name for job in jobs)
        return real(jobs, processes)

    real = pool.inspect_all
    monkeypatch.setattr(pool, "inspect_all", inspected)
    _, second = doctor(capsys, NAME, "--mini", f"data.root={broken['root']}")
    assert asked == []
    assert findings(second) == findings(first)
    write_video(Path(broken["root"]) / "videos" / "all" / broken["cut"], frames=15)  # mended
    _, third = doctor(capsys, NAME, "--mini", f"data.root={broken['root']}")
    assert asked == [f"videos/all/{broken['cut']}"]
    assert findings(third).keys() == findings(first).keys() - {"decoding, test"}


def data_of(root: str, tmp_path: Path):
    words = [f"data.root={root}", f"paths.cache={tmp_path / 'cache'}", "data.cache_gb=0", "data.batch_size=2"]
    return build_data(load_experiment(NAME, words, mini=True, schemas=SCHEMAS), FrameCache())


def test_a_run_does_not_try_again_what_cannot_be_read(capsys, broken, tmp_path, monkeypatch):
    root = Path(broken["root"])
    torn = sorted((root / "videos" / "all").glob("*.mp4"))
    torn = next(path for path in torn if path.stem in listed(root / LISTS["train"]) and path.name != broken["long"])
    torn.write_bytes(b"no video")

    def read(data) -> tuple[list, list, set[str]]:
        tried = []
        real = clips.open_source
        monkeypatch.setattr(clips, "open_source", lambda path: tried.append(path) or real(path))
        batches = [*data.train_dataloader(), *data.test_dataloader()]
        monkeypatch.setattr(clips, "open_source", real)
        faults = sorted((fault.path, fault.reason) for batch in batches for fault in batch.faults)
        return faults, [(batch.index.tolist(), batch.video.sum().item()) for batch in batches], set(tried)

    before = read(data_of(broken["root"], tmp_path))
    bad = {str(torn), str(root / "videos" / "all" / broken["cut"])}
    assert {path for path, _ in before[0]} == bad <= before[2]
    doctor(capsys, NAME, "--mini", f"data.root={root}", "data.bad_videos=1")
    data = data_of(broken["root"], tmp_path)
    after = read(data)
    assert after[0] == before[0]
    assert after[1] == before[1]  # the same substitutes in the same places, the same pixels
    assert after[2] == before[2] - bad
    assert [fault.path for fault in data.split("train").faults] == [str(torn)]  # counted before training starts
    stamp = os.stat(torn)
    os.utime(torn, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))  # changed: it is tried again
    assert str(torn) in read(data_of(broken["root"], tmp_path))[2]


def test_an_evaluation_counts_what_the_doctor_knows_and_never_stops(capsys, zeroshot, tmp_path):
    code, report = doctor(capsys, *zeroshot)
    assert code == 0
    assert len(findings(report)["decoding, test"]) == 2
    assert main(["run", *zeroshot, "wandb.mode=disabled"]) == 0
    row = read_rows(tmp_path / "results" / "zeroshot" / "k400_base" / "001")[0][0]
    assert (row.coverage.used, row.coverage.official) == (10, 12)


@pytest.mark.skipif(not REAL.is_dir(), reason="no folder of real clips beside the project")
def test_own_videos_name_the_damaged_one_and_are_opened_once(capsys, tmp_path, monkeypatch):
    words = ["pretrain/own_videos", "--data", str(REAL), "data.num_workers=0", "data.batch_size=1"]
    code, report = doctor(capsys, *words)
    assert code == 0
    (damaged,) = findings(report)["decoding, train"]
    assert damaged.startswith("decord_corrupted.mp4: damaged, ")
    assert Manifest.load(tmp_path / "cache", REAL).known(str(REAL / "ucf.avi")).frames == 175
    own = load_experiment("pretrain/own_videos", [f"data.root={REAL}"], schemas=SCHEMAS)
    import data_modules.own_videos as module

    opened = []
    real = module.open_source
    monkeypatch.setattr(module, "open_source", lambda path: opened.append(Path(path).name) or real(path))
    assert len(build_data(own, FrameCache()).split("train").samples) == 18
    assert opened == ["decord_corrupted.mp4"]  # which opens well enough; of the others the manifest knows
