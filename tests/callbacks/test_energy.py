"""Energy meters on counters that the test writes itself."""

import sys
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from internvideo_pl.callbacks import energy
from internvideo_pl.callbacks.energy import BoardEstimate, CoreEstimate, NvmlMeter, RaplMeter, meters
from internvideo_pl.folders import project_root


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


class FakeNvml:
    """What the meter asks of pynvml: a counter in millijoules of the board with one UUID."""

    class NVMLError(Exception):
        """As pynvml's, whose errors are no OSError."""

    def __init__(self, uuid: str, refuses: str = "") -> None:
        self.uuid, self.refuses, self.millijoules = uuid, refuses, 5_000_000

    def nvmlInit(self) -> None:  # noqa: N802
        if self.refuses == "init":
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        if uuid != self.uuid:
            raise self.NVMLError("Not Found")
        return "board"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        if self.refuses == "counter":
            raise self.NVMLError("Not Supported")
        assert handle == "board"
        return self.millijoules


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid="1234-abcd"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H100 80GB HBM3")


GPU = torch.device("cuda", 0)


@pytest.mark.usefixtures("board")
def test_the_boards_own_counter_in_joules(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    nvml = FakeNvml("GPU-1234-abcd")
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    meter = meters(GPU, True)[0]
    assert isinstance(meter, NvmlMeter)
    assert (meter.source, meter.read()) == ("NVML energy counter", 0)
    nvml.millijoules += 2_500
    assert meter.read() == pytest.approx(2.5)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize(
    ("nvml", "reason"),
    [
        (FakeNvml("GPU-1234-abcd", "init"), "Driver Not Loaded"),
        (FakeNvml("GPU-1234-abcd", "counter"), "Not Supported"),
        (FakeNvml("GPU-another"), "Not Found"),
        (None, "pip install nvidia-ml-py"),  # None in sys.modules: not installed
    ],
)
def test_a_counter_that_cannot_be_read_is_an_estimate_and_one_process_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, nvml: FakeNvml | None, reason: str
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert meters(GPU, True)[0].source == "estimated: wall time x 700 W"
    assert reason in capsys.readouterr().err
    assert isinstance(meters(GPU, False)[0], BoardEstimate)
    assert capsys.readouterr().err == ""


def test_the_library_is_installed_with_the_project() -> None:
    needed = tomllib.loads((project_root() / "pyproject.toml").read_text())["project"]["dependencies"]
    assert any(line.startswith("nvidia-ml-py") for line in needed)
