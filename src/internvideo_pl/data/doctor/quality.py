"""What the records of a scan say: unreadable files, wrong lengths, containers that claim other than they hold."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.doctor.check import Check, Verdict, counted
from internvideo_pl.data.doctor.lists import Lists
from internvideo_pl.data.doctor.scan import Scan
from internvideo_pl.data.manifest import HOPELESS, FileRecord

# A clip may be off from its annotation by a tenth, or by two frames where that is more: cutting at key frames and
# rounding to frames do that to sound copies.
LENGTH_SHARE, LENGTH_FRAMES = 0.1, 2
# Likewise for a container's own claims; its duration counts the sound too, which may be half a second longer.
CLAIM_SHARE, CLAIM_SECONDS = 0.1, 0.5
STRIDED = ("dense", "pretrain", "windows")  # sampling that takes frames so far apart; all other spreads over the video
KINDS = 3  # of the most frequent formats that are named


def check_files(lists: Lists, scan: Scan, full: bool) -> list[Check]:
    """One line a split: how many of its files decode, and whether a run could bear it."""
    return [_check_split(lists, scan, split, full) for split, chosen in scan.chosen.items() if chosen]


def _check_split(lists: Lists, scan: Scan, split: str, full: bool) -> Check:
    seen = [scan.of(sample) for sample in scan.chosen[split]]
    bad = [record for record in seen if record.status != "sound"]
    hopeless = sum(record.status in (*HOPELESS, "unreachable") for record in bad)
    total = len(lists.splits[split].samples)
    kinds = Counter(record.status for record in bad)
    sentence = f"{len(seen):,} of {counted(total, 'file')} decoded: " + (
        ", ".join(f"{number:,} {status}" for status, number in kinds.items()) if bad else "all sound"
    )
    verdict: Verdict = "warning" if bad else "ok"
    todo = "replace them, or encode them anew" if bad else ""
    if split == "test" and hopeless:
        todo += "; the test counts them as missing and prints bounds"
    allowed = math.floor(lists.data.config.bad_videos * lists.splits[split].official)
    if seen and hopeless == len(seen):
        verdict, todo = "fails", "none of them can be read: is this the right folder, are they readable by you?"
    elif split == "train" and hopeless > allowed:
        verdict = "fails"
        todo += f"; training stops at more than {allowed:,} unreadable files, as data.bad_videos says"
    elif split == "train" and not full and (expected := round(hopeless / max(len(seen), 1) * total)) > allowed:
        todo += f"; at this rate there are {expected:,} in all, and training stops at more than {allowed:,}: try FULL=1"
    items = [f"{record.path}: {record.status}, {record.reason}" for record in bad]
    return Check(f"decoding, {split}", verdict, sentence, items, todo)


def check_lengths(lists: Lists, scan: Scan, mini: bool) -> list[Check]:
    """Videos shorter than a clip, and videos that are not as long as their annotation says."""
    whole = {sample.path: sample for found in scan.chosen.values() for sample in found}
    whole = {path: sample for path, sample in whole.items() if path in scan.records}  # without excerpts
    checks = [_check_short(lists.data.config, [scan.of(sample) for sample in whole.values()])]
    annotated = [
        (record, seconds)
        for sample in whole.values()
        if (record := scan.of(sample)).seconds and (seconds := lists.data.seconds(sample))
    ]
    if annotated:
        checks.append(_check_annotated(annotated, mini))
    return checks


def _check_short(config: ClipConfig, records: Sequence[FileRecord]) -> Check:
    strided = config.sampling in STRIDED
    span = (config.num_frames - 1) * config.stride + 1 if strided else config.num_frames
    counts = [record for record in records if record.frames]
    short = [record for record in counts if record.frames < span]
    clip = f"a clip of {config.num_frames} frames" + (f", stride {config.stride}" if strided else "")
    sentence = f"{len(short):,} of {len(counts):,} shorter than {clip} ({span} frames)" if short else f"all hold {clip}"
    items = [f"{record.path}: {counted(record.frames, 'frame')}" for record in short]
    todo = "frames of these are repeated to fill a clip: lower data.stride if they are many" if short else ""
    return Check("length for a clip", "warning" if short else "ok", sentence, items, todo)


def _check_annotated(annotated: Sequence[tuple[FileRecord, float]], mini: bool) -> Check:
    """Against the median of this copy, so that one that was cut or played otherwise as a whole is said once."""
    scale = median(record.seconds / seconds for record, seconds in annotated)
    usual = scale if abs(scale - 1) > LENGTH_SHARE else 1.0
    off = [
        f"{record.path}: {record.seconds:.2f} s, expected {usual * seconds:.2f} s"
        for record, seconds in annotated
        if abs(record.seconds - usual * seconds) > max(LENGTH_SHARE * usual * seconds, LENGTH_FRAMES / record.fps)
    ]
    sentence = f"{len(off):,} of {len(annotated):,} not as long as annotated" if off else "all as long as annotated"
    verdict: Verdict = "warning" if off else "ok"
    todo = "these were cut short or belong to another video: get them anew" if off else ""
    if usual != 1.0 and not mini:
        verdict = "warning"
        sentence += f", if all are taken to last {usual:.2f} of it"
        todo = "this copy was cut or played at another speed as a whole: are these the official clips?"
    return Check("length as annotated", verdict, sentence, off, todo)


def check_containers(records: Iterable[FileRecord]) -> Check:
    """Frames, rate and duration that the container claims against those that were counted."""
    items = [f"{record.path}: {words}" for record in records if record.frames and (words := _contradiction(record))]
    if not items:
        return Check("containers", "ok", "frames, rates and durations are as the containers claim")
    sentence = f"{counted(len(items), 'file')} hold other frames, rates or durations than they claim"
    return Check(
        "containers", "warning", sentence, items, "the counted ones are used; encode them anew if they are many"
    )


def _contradiction(record: FileRecord) -> str:
    """What a container claims and does not hold, or nothing."""
    words = []
    if record.stated_frames and abs(record.frames - record.stated_frames) > max(1, CLAIM_SHARE * record.stated_frames):
        words.append(f"claims {record.stated_frames} frames, holds {record.frames}")
    if record.stated_fps and abs(record.fps - record.stated_fps) > CLAIM_SHARE * record.stated_fps:
        words.append(f"claims {record.stated_fps:.2f} frames a second, holds {record.fps:.2f}")
    slack = max(CLAIM_SHARE * record.stated_seconds, CLAIM_SECONDS)
    if record.stated_seconds and abs(record.seconds - record.stated_seconds) > slack:
        words.append(f"claims {record.stated_seconds:.2f} s, holds {record.seconds:.2f} s")
    return "; ".join(words)


def check_formats(records: Iterable[FileRecord]) -> Check:
    """What the files are like: codecs, rates, sizes, lengths."""
    seen = [record for record in records if record.frames]
    if not seen:
        return Check("formats", "ok", "nothing was decoded")
    kinds = {
        "codec": Counter(record.codec for record in seen),
        "rate": Counter(f"{record.fps:.4g} fps" for record in seen),
        "size": Counter(f"{record.width} x {record.height}" for record in seen if record.width),
    }
    named = [", ".join(_frequent(counter)) for counter in kinds.values() if counter]
    seconds = sorted(record.seconds for record in seen)
    lasting = f"{seconds[0]:.1f} to {seconds[-1]:.1f} s, half under {median(seconds):.1f} s"
    items = [f"{number:,} x {kind}" for counter in kinds.values() for kind, number in counter.most_common()]
    return Check("formats", "ok", "; ".join([*named, lasting]), items)


def _frequent(counter: Counter[str]) -> list[str]:
    kinds = [kind for kind, _ in counter.most_common(KINDS)]
    return kinds + ([f"{len(counter) - KINDS} more"] if len(counter) > KINDS else [])
