"""Packed videos by official key, so that a dataset's list finds them in shards instead of files."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from internvideo_pl.data.shards.manifest import MANIFEST, read_manifest
from internvideo_pl.data.shards.webdataset import key_of_stem, videos_of
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources.tar import SHARD, member_location


class Shards(Mapping[str, str]):
    """Location by key of every video in a folder of shards, those of `make shard` or others in WebDataset layout.

    Args:
        folder: Where the shards lie.

    Raises:
        UserError: There is no shard, packing was not finished, or two shards hold the same key.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        manifest = read_manifest(folder) if (folder / MANIFEST).exists() else None
        if manifest and not manifest.finished:
            raise UserError(f"the shards in {folder} are not finished: run the same `make shard` again to go on.")
        names = sorted(manifest.shards) if manifest else [path.name for path in sorted(folder.glob(f"*{SHARD}"))]
        if not names:
            raise UserError(f"data.shards={folder} holds no shards; `make shard NAME=...` makes them.")
        self.reencoded = manifest.reencode if manifest else None
        self._locations: dict[str, str] = {}
        for name in names:
            tar = str(folder / name)
            for stem, member in videos_of(tar).items():
                key = key_of_stem(stem) if manifest else stem
                location = member_location(tar, member)
                if self._locations.setdefault(key, location) != location:
                    raise UserError(f"two shards hold the video {key}: {self._locations[key]} and {location}.")

    @property
    def protocol(self) -> dict[str, str]:
        """What of the packing a number depends on: nothing, unless the videos were encoded anew."""
        if self.reencoded is None:
            return {}
        return {"videos": "re-encoded, " + ", ".join(f"{name} {value}" for name, value in self.reencoded.items())}

    def __getitem__(self, key: str) -> str:
        return self._locations[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._locations)

    def __len__(self) -> int:
        return len(self._locations)
