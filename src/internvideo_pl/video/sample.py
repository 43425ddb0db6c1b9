"""Which frames of a video make a clip. Pure functions from frame counts to frame numbers (int64, from 0).

Five families. *Dense*: a window of neighbouring frames at a stride (masked video encoder; Kinetics and most action
sets). *Segments* and *intervals*: the video in equal parts, one frame of each (Something-Something; UniFormerV2). *Per
second*: so many frames a second, then thinned (retrieval). *Windows*: all of a video (features over time). *Around*: a
moment in the middle (key frames). Training draws from a generator that the caller passes; tests draw nothing. Where the
public release and the usual definition differ, the docstring says which one is here.
"""

import math

import numpy as np

MOMENT_SLACK = 5e-4  # seconds: forgives times that containers keep in milliseconds
TIME_SLACK = 1e-6  # forgives times that are sums of rounded ones, in frames of the rate asked for


def dense_train(num_frames: int, clip_length: int, stride: int, generator: np.random.Generator) -> np.ndarray:
    """A random window of clip_length * stride frames, spread evenly over it (VideoClsDataset of the public release).

    The window's end is drawn from clip_length * stride (inclusive) to num_frames (exclusive), as there.

    Returns:
        int64 (clip_length,)
    """
    span = clip_length * stride
    if num_frames <= span:
        return _short(num_frames, clip_length, stride)
    return _window(int(generator.integers(span, num_frames)), span, clip_length)


def dense_center(num_frames: int, clip_length: int, stride: int) -> np.ndarray:
    """The middle window of clip_length * stride frames (validation of the public release's VideoClsDataset).

    Returns:
        int64 (clip_length,)
    """
    span = clip_length * stride
    if num_frames <= span:
        return _short(num_frames, clip_length, stride)
    return _window((span + num_frames) // 2, span, clip_length)


def _window(end: int, span: int, clip_length: int) -> np.ndarray:
    """clip_length frames spread over [end - span, end): both ends are taken, so steps vary around the stride."""
    return np.linspace(end - span, end, clip_length).clip(end - span, end - 1).astype(np.int64)


def _short(num_frames: int, clip_length: int, stride: int) -> np.ndarray:
    """The whole of a video that is no longer than the window at the stride, then its last frame again and again."""
    taken = num_frames // stride
    whole = np.linspace(0, num_frames, taken)
    return np.concatenate([whole, np.full(clip_length - taken, num_frames)]).clip(0, num_frames - 1).astype(np.int64)


def dense_pretrain(num_frames: int, clip_length: int, stride: int, generator: np.random.Generator) -> np.ndarray:
    """A random window at an exact stride (masked pretraining of VideoMAE and of the public release).

    A video shorter than the window is taken from its start; where the stride would leave it, the frame reached stays.

    Returns:
        int64 (clip_length,)
    """
    starts = num_frames - clip_length * stride + 1
    first = int(generator.integers(starts)) if starts > 0 else 0
    # The release steps while another stride stays before the last frame (1-based offset + stride < num_frames).
    steps = max(math.ceil((num_frames - 1 - first) / stride) - 1, 0)
    return first + stride * np.minimum(np.arange(clip_length, dtype=np.int64), steps)


def segments_train(num_frames: int, num_segments: int, generator: np.random.Generator) -> np.ndarray:
    """One random frame from each of num_segments equal parts (TSN, arXiv 1608.00859).

    Parts have num_frames // num_segments frames, as in the release. A video with fewer frames than segments repeats
    frames evenly, as `segments_center` does; the release takes random or only first frames there.

    Returns:
        int64 (num_segments,)
    """
    part = num_frames // num_segments
    if part == 0:
        return segments_center(num_frames, num_segments)
    return np.arange(num_segments, dtype=np.int64) * part + generator.integers(part, size=num_segments)


def segments_center(num_frames: int, num_segments: int) -> np.ndarray:
    """The middle frame of each of num_segments equal parts (TSN's test sampling).

    Returns:
        int64 (num_segments,)
    """
    part = num_frames / num_segments
    return ((np.arange(num_segments) + 0.5) * part).astype(np.int64)


def spread(num_frames: int, clip_length: int) -> np.ndarray:
    """clip_length frames from the first to the last (the release's multimodal demo: 8 frames).

    Returns:
        int64 (clip_length,)
    """
    return np.linspace(0, num_frames - 1, clip_length).astype(np.int64)


def dense_views(num_frames: int, clip_length: int, stride: int, num_views: int) -> np.ndarray:
    """Test views of dense sampling: every stride-th frame of the video, then windows of clip_length among them.

    View k starts at int(k * (T' - clip_length) / (num_views - 1)), T' the strided frames; a video with fewer of them
    repeats the last one (public release, test mode). A single view, which that formula leaves out, is the middle one.

    Returns:
        int64 (num_views, clip_length)
    """
    frames = np.arange(0, num_frames, stride, dtype=np.int64)
    frames = np.concatenate([frames, np.full(max(clip_length - len(frames), 0), frames[-1])])
    room = len(frames) - clip_length
    starts = (np.arange(num_views) * (room / max(num_views - 1, 1))).astype(np.int64)
    if num_views == 1:
        starts = np.array([room // 2])
    return frames[starts[:, None] + np.arange(clip_length)]


def sparse_views(num_frames: int, clip_length: int, num_views: int) -> np.ndarray:
    """Test views of segment sampling: frames int(t * tick / num_views + tick * x), tick = num_frames / clip_length.

    All frames are sorted and dealt out in turn, view t getting every num_views-th (release, Something-Something).

    Returns:
        int64 (num_views, clip_length)
    """
    tick = num_frames / clip_length
    frames = [int(t * tick / num_views + tick * x) for t in range(num_views) for x in range(clip_length)]
    return np.sort(np.array(frames, dtype=np.int64)).reshape(clip_length, num_views).T


def intervals_train(num_frames: int, num_intervals: int, generator: np.random.Generator) -> np.ndarray:
    """One random frame from each of num_intervals stretches of (num_frames - 1) / num_intervals (UniFormerV2).

    The ends of the stretches are rounded to whole frames and belong to both neighbours, so that a frame may come twice.

    Returns:
        int64 (num_intervals,)
    """
    ends = np.round(np.arange(num_intervals + 1) * ((num_frames - 1) / num_intervals)).astype(np.int64)
    return generator.integers(ends[:-1], ends[1:], endpoint=True)


def intervals_views(num_frames: int, num_intervals: int, num_views: int) -> np.ndarray:
    """Test views of UniFormerV2: view k takes the frame (k + 1) / (num_views + 1) into each stretch, rounded down.

    The stretches are those of `intervals_train`; a single view takes their middles.

    Returns:
        int64 (num_views, num_intervals)
    """
    stretch = (num_frames - 1) / num_intervals
    starts = np.round(np.arange(num_intervals) * stretch).astype(np.int64)
    steps = ((np.arange(num_views) + 1) * (stretch / (num_views + 1))).astype(np.int64)
    return (starts + steps[:, None]).clip(max=num_frames - 1)


def per_second(times: np.ndarray, max_frames: int, rate: float = 1.0) -> np.ndarray:
    """Frames nearest to 0, 1 / rate, 2 / rate ... seconds, thinned evenly to max_frames when there are more.

    At a whole number of frames a second these are the frames of CLIP4Clip (slice_framepos 2) and of the release's
    retrieval, which step by round(fps / rate) frames; times hold for any frame rate, also one that varies. A short
    video gives fewer frames.

    Args:
        times: float64 (N,), seconds at which each frame is shown, ascending from 0.
        max_frames: most frames to take.
        rate: frames a second.

    Returns:
        int64 (n,), 1 <= n <= max_frames, each frame at most once
    """
    asked = np.arange(math.floor(times[-1] * rate + TIME_SLACK) + 1) / rate
    frames = np.unique(np.searchsorted((times[1:] + times[:-1]) / 2, asked)).astype(np.int64)
    if len(frames) <= max_frames:
        return frames
    return frames[np.linspace(0, len(frames) - 1, max_frames, dtype=np.int64)]


def sliding_windows(num_frames: int, window: int, hop: int, stride: int = 1) -> np.ndarray:
    """Windows of frames at a stride, hop frames apart, for features over time; frames past the end repeat the last one.

    As many as fit whole, and at least one (VideoMAE V2's feature extraction: 16 frames at stride 1, hops of 4 or 16).

    Returns:
        int64 (num_windows, window)
    """
    span = (window - 1) * stride + 1
    starts = np.arange(0, max(num_frames - span, 0) + 1, hop, dtype=np.int64)
    return (starts[:, None] + stride * np.arange(window, dtype=np.int64)).clip(max=num_frames - 1)


def around(
    times: np.ndarray,
    at: float,
    clip_length: int,
    stride: int,
    rate: float,
    stretch: bool = False,
    last: bool = False,
) -> np.ndarray:
    """Frames around a moment: of clip_length * stride frames at `rate` a second with the moment in the middle, one of
    each `stride`, which one being (stride - 1) // 2 (AlphAction and InternVideo's release on AVA).

    What is shown at those times is taken, whatever rate the video itself has. Times outside get the nearest end.

    Args:
        times: (N,) seconds at which each frame is shown.
        at: The moment, in seconds.
        clip_length: T.
        stride: Frames at `rate` between two frames of the clip.
        rate: Frames a second.
        stretch: Whether a side of the moment that is too short is spread over its half of the clip instead.
        last: Whether the moment is the clip's last frame, so that nothing after it is seen.

    Returns:
        int64 (clip_length,)
    """
    first = stride * (1 - clip_length) if last else (stride - 1) // 2 - clip_length * stride // 2
    shift = (first + stride * np.arange(clip_length)) / rate
    if stretch:
        half = clip_length * stride / 2 / rate
        before, after = max(at - times[0], 0.0), max(times[-1] - at, 0.0)
        shift = np.where(shift < 0, shift * min(before / half, 1), shift * min(after / half, 1))
    shown = np.searchsorted(times, at + shift + MOMENT_SLACK, side="right") - 1
    return shown.clip(0, len(times) - 1).astype(np.int64)
