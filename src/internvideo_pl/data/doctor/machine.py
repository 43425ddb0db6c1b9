"""The machine: devices, precision, attention, shared memory, file descriptors, decoders."""

import os
import platform
import resource
import shutil
from collections.abc import Iterable
from pathlib import Path

import av
import torch

from internvideo_pl.cores import usable_cores
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.doctor.check import Check, Verdict, counted
from internvideo_pl.data.doctor.sizes import gigabytes
from internvideo_pl.data.manifest import ffmpeg_version

SHARED = Path("/dev/shm")  # where workers hand batches over on Linux
PREFETCHED = 2  # batches that each worker holds ready: the loader's default
TENSORS = 4  # of a batch, each of which takes a file descriptor on its way: pixels, index, view, label
OPEN_FILES = 256  # descriptors that a run needs besides: libraries, logs, sockets
BF16_SINCE = (8, 0)  # compute capability from which bfloat16 is fast (Ampere)
# What the paper's datasets come in; AVI holds MPEG-4, WebM VP9, TGIF animated pictures.
DECODERS = ("h264", "hevc", "vp9", "av1", "mpeg4", "gif", "mjpeg")


def check_machine(accelerator: str, devices: int | str, precision: str, configs: Iterable[ClipConfig]) -> list[Check]:
    """All checks of the machine.

    Args:
        accelerator: "auto", "cpu" or "gpu".
        devices: How many of one machine, or "auto".
        precision: As Lightning names it.
        configs: How each stage reads its clips.
    """
    configs = list(configs)
    return [
        _software(),
        _devices(accelerator, devices, precision),
        _attention(accelerator),
        _decoders(),
        _shared_memory(max(map(_queued, configs), default=0)),
        _descriptors(max((config.num_workers for config in configs), default=0)),
        _cores(max((config.num_workers for config in configs), default=0)),
    ]


def _software() -> Check:
    cuda = f", CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}" if torch.version.cuda else ""
    python = platform.python_version()
    return Check("software", "ok", f"Python {python}, torch {torch.__version__}{cuda}, PyAV {av.__version__}")


def _devices(accelerator: str, devices: int | str, precision: str) -> Check:
    """Whether there are as many GPUs as asked for, and whether they, or the processor, do the precision well."""
    here = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if accelerator == "cpu" or (accelerator == "auto" and not here):
        verdict: Verdict = "ok"
        sentence, todo = f"no GPU is used; {counted(here, 'GPU')} here", ""
        if precision == "16-mixed":
            verdict, todo = "warning", "float16 needs a GPU: ARGS=trainer.precision=bf16-mixed"
        return Check("devices", verdict, sentence, todo=todo)
    names = [_gpu(number) for number in range(here)]
    wanted = here if devices in ("auto", -1, "-1") else int(devices)
    if not wanted or wanted > here:
        asked = f"{wanted} were asked for" if wanted else "one was asked for"
        return Check("devices", "fails", f"{asked}, {counted(here, 'GPU')} here", names, "set GPUS= to what is here")
    sentence = f"{wanted} of {counted(here, 'GPU')}"
    old = [name for number, name in enumerate(names) if torch.cuda.get_device_capability(number) < BF16_SINCE]
    if precision == "bf16-mixed" and old:
        return Check("devices", "warning", sentence, names, "bfloat16 is slow here: ARGS=trainer.precision=16-mixed")
    return Check("devices", "ok", sentence, names)


def _gpu(number: int) -> str:
    about = torch.cuda.get_device_properties(number)
    bf16 = "bfloat16" if (about.major, about.minor) >= BF16_SINCE else "no bfloat16"
    return f"{about.name}, {gigabytes(about.total_memory)}, compute {about.major}.{about.minor}, {bf16}"


def _attention(accelerator: str) -> Check:
    """The kernels that scaled_dot_product_attention may choose from."""
    if accelerator == "cpu" or not torch.cuda.is_available():
        return Check("attention", "ok", f"PyTorch's own kernels, {torch.backends.cpu.get_cpu_capability()}")
    kernels = {
        "cuDNN": torch.backends.cuda.cudnn_sdp_enabled(),
        "flash": torch.backends.cuda.flash_sdp_enabled(),
        "memory-efficient": torch.backends.cuda.mem_efficient_sdp_enabled(),
        "plain": torch.backends.cuda.math_sdp_enabled(),
    }
    return Check("attention", "ok", "PyTorch may use " + ", ".join(name for name, on in kernels.items() if on))


def _decoders() -> Check:
    lacking = [name for name in DECODERS if not _has_decoder(name)]
    if lacking:
        todo = "install PyAV's own wheel, which brings its FFmpeg: pip install --force-reinstall --only-binary=:all: av"
        return Check("decoders", "warning", f"FFmpeg lacks {', '.join(lacking)}", todo=todo)
    return Check("decoders", "ok", f"FFmpeg (libavcodec {ffmpeg_version()}) has {', '.join(DECODERS)}")


def _has_decoder(name: str) -> bool:
    try:
        av.Codec(name, "r")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _queued(config: ClipConfig) -> int:
    """Bytes of the batches that wait in shared memory when the loader is faster than the model."""
    batch = config.batch_size * config.num_frames * config.size * config.size * 3
    return batch * PREFETCHED * config.num_workers


def _shared_memory(needed: int) -> Check:
    if not SHARED.is_dir() or not needed:
        return Check("shared memory", "ok", "not needed" if not needed else "no limit of its own")
    free = shutil.disk_usage(SHARED).free
    sentence = f"{gigabytes(free)} free in {SHARED}, workers fill up to {gigabytes(needed)}"
    if free < needed:
        todo = "start the container with --shm-size=16g or --ipc=host, or lower data.num_workers or data.batch_size"
        return Check("shared memory", "fails", sentence, todo=todo)
    return Check("shared memory", "ok", sentence)


def _descriptors(workers: int) -> Check:
    """A low limit ends a run hours later, with "too many open files"."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = OPEN_FILES + workers * PREFETCHED * TENSORS
    enough = soft == resource.RLIM_INFINITY or soft >= needed
    words = "no limit" if soft == resource.RLIM_INFINITY else f"limit {soft:,}"
    sentence = f"{words} on open files, {needed:,} are needed"
    return Check("open files", "ok" if enough else "warning", sentence, todo="" if enough else f"ulimit -n {hard}")


def _cores(workers: int) -> Check:
    threads = os.environ.get("OMP_NUM_THREADS")
    numbers = counted(usable_cores(), "core"), counted(workers, "worker"), counted(torch.get_num_threads(), "thread")
    sentence = f"{', '.join(numbers)} of PyTorch"
    sentence += f" (OMP_NUM_THREADS={threads})" if threads else ""
    if workers <= usable_cores():
        return Check("processor", "ok", sentence)
    return Check("processor", "warning", sentence, todo="workers share cores: lower data.num_workers")
