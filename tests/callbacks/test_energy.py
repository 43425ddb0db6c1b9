"""Energy meters on counters that the test writes itself."""

import time
from pathlib import Path

import pytest
import torch

from internvideo_pl.callbacks import energy
from internvideo_pl.callbacks.energy import BoardEstimate, CoreEstimate, RaplMeter, meters


def package(folder: Path, name: str, joules: float, span: float = 1000.0) -> Path:
    where = folder / name
    where.mkdir(exist_ok=True)
    (where / "energy_uj").write_text(f"{round(joules * 1e6)}\n")
    (where / "max_energy_range_uj").write_text(f"{round(span * 1e6)}\n")
    return where


def test_rapl_adds_packages_and_not_their_parts(tmp_path: Path) -> None:
    for name in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1"):
        package(tmp_path, name, 100)
    meter = RaplMeter(tmp_path)
    assert meter.read() == 0
    package(tmp_path, "intel-rapl:0", 130)
    package(tmp_path, "intel-rapl:0:0", 120)
    package(tmp_path, "intel-rapl:1", 105)
    assert meter.read() == pytest.approx(35)


def test_rapl_counter_that_starts_anew(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 990)
    meter = RaplMeter(tmp_path)
    package(tmp_path, "intel-rapl:0", 20)
    assert meter.read() == pytest.approx(30)
    package(tmp_path, "intel-rapl:0", 25)
    assert meter.read() == pytest.approx(35)


def test_estimate_follows_cpu_time_and_says_so() -> None:
    meter, started = CoreEstimate(), time.process_time()
    while time.process_time() - started < 0.2:
        sum(range(1000))
    assert meter.read() == pytest.approx(0.2 * energy.WATTS_PER_CORE, rel=0.3)
    assert meter.source.startswith("estimated")


@pytest.mark.parametrize(("name", "watts"), [("NVIDIA H200", 700), ("NVIDIA H100 PCIe", 350), ("unheard of", 300)])
def test_board_estimate_uses_the_data_sheet(name: str, watts: float) -> None:
    assert BoardEstimate(name).watts == watts


def test_only_the_first_process_reads_the_whole_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(RaplMeter.__init__, "__defaults__", (tmp_path,))
    assert (
        [type(meter) for meter in meters(cpu, True)] == [type(meter) for meter in meters(cpu, False)] == [CoreEstimate]
    )
    package(tmp_path, "intel-rapl:0", 1)
    assert [type(meter) for meter in meters(cpu, True)] == [RaplMeter]
    assert meters(cpu, False) == []
