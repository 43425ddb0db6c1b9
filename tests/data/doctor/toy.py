"""A dataset of a few files for tests of the doctor's checks: one text file of keys a split."""

from pathlib import Path

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.doctor.scan import Scan
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.manifest import FileRecord
from internvideo_pl.data.module import Split, VideoData

FACTS = DatasetFacts(
    name="Toy",
    task="recognition",
    splits={"train": 3, "test": 2},
    url="https://example.org/toy",
    licence="CC BY 4.0",
    terms="research only",
    layout="<split>/<key>.mp4",
)


class Toy(VideoData):
    facts = FACTS

    def read(self, split):
        path = self.root / f"{split}.txt"
        if not path.is_file():
            raise self.facts.absent(self.root, path.name)
        found = Split()
        for key in path.read_text().split():
            video = next((self.root / split).glob(f"**/{key}.mp4"), None)
            video = next((self.root / "replacement").glob(f"{key}.mp4"), video)
            if video is None:
                found.missing.append(key)
            else:
                found.samples.append(Sample(str(video), key))
        return found

    def seconds(self, sample):
        return 10.0


def toy(root: Path, train: str = "", val: str = "", test: str = "", files: str = "", **changes) -> Toy:
    """A dataset whose lists name these keys, and empty files at these places."""
    for split, keys in (("train", train), ("val", val), ("test", test)):
        if keys:
            (root / f"{split}.txt").write_text(keys)
    for name in files.split():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    values = {"num_frames": 4, "stride": 2, "size": 32, "short_side": 48, "batch_size": 2, "num_workers": 0}
    return Toy(ClipConfig(name="toy", **(values | changes)), root)


def scanned(data: Toy, *splits: str, **records) -> Scan:
    """A scan that found these facts (fields of a record) of the videos of these keys, and all others sound."""
    chosen = {split: list(data.read(split).samples) for split in splits}
    values = {"frames": 100, "fps": 10.0, "seconds": 10.0, "width": 64, "height": 48, "codec": "h264"}
    found = {
        sample.path: FileRecord(
            **{"path": sample.key, "size": 1, "changed": 1, "status": "sound"} | values | records.get(sample.key, {})
        )
        for samples in chosen.values()
        for sample in samples
    }
    return Scan(found, chosen, len(found), 1.0)
