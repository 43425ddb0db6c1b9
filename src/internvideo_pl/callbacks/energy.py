"""Energy of a run in joules, from what the machine can tell: NVML's counter, RAPL's, or an estimate that says so.

Power readings are never integrated: NVML samples them a quarter of the time on A100 and H100 (arXiv 2312.02741), while
the cumulative counter misses nothing.
"""

import resource
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import torch

POWERCAP = Path("/sys/class/powercap")
JOULES_PER_KWH = 3.6e6
WATTS_PER_CORE = 10.0  # of a busy core with its share of memory and board: 64-core servers draw 400 to 700 W under load

# Board power in watts, from the makers' data sheets; the first name that the device's name contains counts.
BOARD_WATTS = {
    "GB200": 1200,
    "B200": 1000,
    "H200 NVL": 600,
    "H200": 700,
    "H100 PCIe": 350,
    "H100 NVL": 400,
    "H100": 700,
    "A100-PCIE": 250,
    "A100 80GB PCIe": 300,
    "A100": 400,
    "V100-PCIE": 250,
    "V100": 300,
    "L40S": 350,
    "L40": 300,
    "L4": 72,
    "T4": 70,
    "RTX 5090": 575,
    "RTX 4090": 450,
    "RTX 3090": 350,
}
UNKNOWN_BOARD_WATTS = 300


def board_watts(name: str) -> int:
    """Power of a GPU by the name that its driver gives; `UNKNOWN_BOARD_WATTS` for one that is not in the table."""
    return next((watts for part, watts in BOARD_WATTS.items() if part in name), UNKNOWN_BOARD_WATTS)


class Meter(Protocol):
    """Joules of something since the meter was made.

    Attributes:
        source: What is read, in words for a row.
    """

    source: str

    def read(self) -> float:
        """Joules so far."""


class NvmlMeter:
    """The cumulative energy counter of one GPU (Volta and later), found by its UUID and not by its number.

    Raises:
        OSError: The driver or the library (nvidia-ml-py) is not there, or the GPU has no counter.
    """

    source = "NVML energy counter"

    def __init__(self, device: torch.device):
        try:
            import pynvml
        except ImportError as error:
            raise OSError("the library is not installed, pip install nvidia-ml-py adds it") from error
        self.nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
            self.handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
            self.start = self._joules()
        except pynvml.NVMLError as error:
            raise OSError(f"NVML says: {error}") from error

    def _joules(self) -> float:
        return self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.handle) / 1000  # it counts millijoules

    def read(self) -> float:
        """Joules of the board so far."""
        return self._joules() - self.start


class RaplMeter:
    """The energy counters of all CPU packages, which hold whatever runs on the machine; often readable by root only.

    A counter starts again from zero after an hour or so under load, so it must be read more often than that.

    Raises:
        OSError: There is no counter, or it may not be read.
    """

    source = "RAPL counter of the whole CPU"

    def __init__(self, folder: Path = POWERCAP):
        # intel-rapl:0 is a package (on AMD too); intel-rapl:0:1 is a part of it and would count twice.
        self.packages = [path for path in sorted(folder.glob("intel-rapl:*")) if path.name.count(":") == 1]
        if not self.packages:
            raise OSError(f"no RAPL counter under {folder}")
        self.ranges = [int((path / "max_energy_range_uj").read_text()) for path in self.packages]
        self.last = self._counters()
        self.micro = 0

    def _counters(self) -> list[int]:
        return [int((path / "energy_uj").read_text()) for path in self.packages]

    def read(self) -> float:
        """Joules of the packages so far."""
        now = self._counters()
        for before, after, span in zip(self.last, now, self.ranges, strict=True):
            self.micro += after - before if after >= before else after + span - before
        self.last = now
        return self.micro / 1e6


class CoreEstimate:
    """CPU time of this process and its finished children, times a fixed power: an estimate."""

    source = f"estimated: CPU time x {WATTS_PER_CORE:g} W a core"

    def __init__(self) -> None:
        self.start = self._seconds()

    def _seconds(self) -> float:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in used)

    def read(self) -> float:
        """Estimated joules so far."""
        return (self._seconds() - self.start) * WATTS_PER_CORE


class BoardEstimate:
    """Wall time times the board's rated power: an upper estimate, for a GPU whose counter cannot be read."""

    def __init__(self, name: str):
        self.watts = board_watts(name)
        self.source = f"estimated: wall time x {self.watts} W"
        self.start = time.monotonic()

    def read(self) -> float:
        """Estimated joules so far."""
        return (time.monotonic() - self.start) * self.watts


def meters(device: torch.device, first_on_machine: bool) -> list[Meter]:
    """The best meters for a process: its GPU's, and the CPU's for the first process of a machine.

    Args:
        device: Where the process computes.
        first_on_machine: Whether it is local rank 0, which says why a GPU's counter cannot be read; RAPL counts for the
            whole machine, so only one may read it.
    """
    found: list[Meter] = []
    if device.type == "cuda":
        try:
            found.append(NvmlMeter(device))
        except OSError as error:
            found.append(BoardEstimate(torch.cuda.get_device_name(device)))
            if first_on_machine:
                print(f"the GPU's energy is {found[0].source}, as its counter cannot be read: {error}", file=sys.stderr)
    try:
        cpu = RaplMeter()
    except (OSError, ValueError):
        return [*found, CoreEstimate()]
    return [*found, cpu] if first_on_machine else found
