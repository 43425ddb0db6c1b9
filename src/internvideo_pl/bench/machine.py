"""The machine in words, and the fastest that it multiplies matrices: the floor under every step's time."""

import os
import platform
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import torch

from internvideo_pl.bench.timing import Contender, Step, race

CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")  # what decides a matrix product's speed
GIB = 1024**3

Shape = tuple[int, int, int]


def describe() -> dict[str, str]:
    """Processor, cores, memory, GPU and threads, without any name of the host."""
    words = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "system": f"{platform.system()} {platform.machine()}",
    }
    memory = _memory()
    if memory:
        words["memory"] = f"{memory / GIB:.0f} GiB"
    if torch.cuda.is_available():
        words["gpu"] = torch.cuda.get_device_name()
    return words


def device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def matmul_rate(dtype: torch.dtype, shapes: Iterable[Shape], rounds: int = 5) -> float:
    """FLOP/s of the fastest of some matrix products.

    Args:
        dtype: Of both factors and the product.
        shapes: (m, k, n) of products (m, k) x (k, n), as a model's layers have them.
        rounds: How often each is timed; its median counts.
    """
    rates = []
    for m, k, n in shapes:
        timings = race([Contender("product", partial(_product, dtype, m, k, n))], rounds)
        rates.append(2 * m * k * n / timings["product"].median)
    return max(rates)


def _product(dtype: torch.dtype, m: int, k: int, n: int) -> Step:
    left = torch.randn(m, k, device=device()).to(dtype)
    weight = torch.randn(n, k, device=device()).to(dtype)  # as a linear layer stores it
    return lambda: torch.nn.functional.linear(left, weight)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    known = [flag for flag in CPU_FLAGS if flag in flags]
    name = fields.get("model name", platform.machine())
    return f"{name} ({', '.join(known)})" if known else name


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
