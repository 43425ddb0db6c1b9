"""AVA's films for pretraining: ten-second stretches of those that its training list names, without boxes.

The list covers fifteen minutes of each of 235 films; in stretches of ten seconds these are the 21 thousand clips that
the paper counts (table 1). The length is ours, as the paper names none. Films of the validation list are never among
them.
"""

from collections.abc import Iterator

from data_modules.ava import AVA, LIST_FOLDERS, START, find_movies
from data_modules.ava_lists import SECONDS, BadRows, read_key_frames
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.official import official_file
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources.excerpt import excerpt_location

STRETCH = 10  # seconds
AVA_FILMS = DatasetFacts(
    name="AVA's films",
    task="pretraining",
    splits={"train": 235 * 90, "val": 64 * 90},  # at most: a stretch without a listed key frame is left out
    url=AVA.url,
    licence=AVA.licence,
    terms=AVA.terms,
    layout="annotations/ava_{train,val}_v2.2.csv and videos/<id>.{mp4,mkv,webm} or videos_15min/<id>.mp4",
    defects=("folders of pictures do not tell their times, so they are not read",),
)


class AvaFilms(VideoData):
    """Stretches of AVA's films in which a list has key frames; tested on those of the validation list."""

    facts = AVA_FILMS
    folder_name = "ava"

    @property
    def test_list(self) -> str:
        """The list behind the test loader."""
        return "val"

    def read(self, split: str) -> Split:
        """The stretches of a list, in its order; keys are `<film>,<second of the film>`.

        Raises:
            UserError: The list is not there, a row of it is bad, or packed videos are asked for.
        """
        if self.config.shards is not None:
            raise UserError("stretches are read out of whole films: leave the shards of AVA's films out")
        movies, found = find_movies(self.root), Split()
        for film, start in self._stretches("train" if split == "train" else "val"):
            path, begins, rate = movies.get(film, (None, 0.0, None))
            key = f"{film},{start}"
            if path is None or rate is not None:
                found.missing.append(key)
                if path is not None:
                    found.faults.append(DecodeError(f"{path}, second {start}", "is a folder of pictures, no video"))
                continue
            at = start - begins
            found.samples.append(Sample(excerpt_location(path, at, at + STRETCH), key))
        return found

    def _stretches(self, listed: str) -> Iterator[tuple[str, int]]:
        """(film, its second) of each stretch that holds a key frame of a list, once."""
        path = official_file(self.root, self.facts, (f"ava_{listed}_v2.2.csv",), LIST_FOLDERS)
        frames = read_key_frames(path, (2, 8), BadRows(), SECONDS).values()
        first = int(START)
        numbers = ((frame.video, (int(frame.time) - first) // STRETCH) for frame in frames)
        yield from ((film, first + number * STRETCH) for film, number in dict.fromkeys(numbers))
