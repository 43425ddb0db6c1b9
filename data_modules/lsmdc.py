"""LSMDC 2016: clips of films, each with the sentence that a describer speaks there; names are "SOMEONE".

Lists have tabs between fields, no header and no quoting (a quotation mark is a letter like any other):
    LSMDC16_annos_training.csv, LSMDC16_annos_val.csv, LSMDC16_challenge_1000_publictect.csv (its official name)
    CLIP_ID, START_ALIGNED, END_ALIGNED, START_EXTRACTED, END_EXTRACTED, SENTENCE
The video of a clip is <film>/<CLIP_ID>.avi, the film being the id without its last part, the times.
"""

from collections.abc import Iterator
from pathlib import Path

from internvideo_pl.data.captions import CaptionedData, Captions
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.listed_videos import Shards, VideoFiles, check_name, read_lines, require_file
from internvideo_pl.data.module import Split
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError

LSMDC = DatasetFacts(
    name="LSMDC",
    task="text-video retrieval",
    splits={"test": 1000},  # clips; those of the other lists are fewer than their sentences
    sentences={"train": 101_079, "val": 7_408, "test": 1000},  # rows of the three lists
    url="https://sites.google.com/site/describingmovies (an account of MPI Informatics is needed)",
    licence="agreement with MPI Informatics",
    terms="research use; nothing may be passed on, neither clips nor sentences",
    layout="LSMDC16_annos_training.csv, LSMDC16_annos_val.csv, LSMDC16_challenge_1000_publictect.csv "
    "and videos/<film>/<CLIP_ID>.avi",
    defects=(
        "a clip may stand in several lines of a list, with another sentence each",
        "a stray quotation mark joins lines where a reader takes it for quoting",
        "the release leaves out the 58,200th to 58,299th training clip; here a video that cannot be read is named",
        "the test list's name is misspelt in the original",
    ),
)

LISTS = {
    "train": "LSMDC16_annos_training.csv",
    "val": "LSMDC16_annos_val.csv",
    "test": "LSMDC16_challenge_1000_publictect.csv",
}
FIELDS = 6
LIST_FOLDERS = (".", "annotations", "LSMDC")
VIDEO_FOLDERS = ("videos", "avi", ".")
ENDINGS = (".avi", ".mp4", ".mkv")


def film_of(clip: str) -> str:
    """The film's folder: the clip's id without its times."""
    return clip.rpartition("_")[0]


def check_clip(name: str, where: str) -> str:
    """A clip's id; neither it nor its film leads out of the folder of videos.

    Raises:
        UserError: One does.
    """
    clip = check_name(name, where)
    if film := film_of(clip):
        check_name(film, where)
    return clip


def read_lsmdc(root: Path, split: str, shards: Shards | None = None) -> Split:
    """A split, one sample a clip with its sentences, in the order in which clips first appear.

    Args:
        root: The dataset's folder.
        split: "train", "val" or "test".
        shards: Where packed videos are, by clip id; without them the videos are files below `root`.

    Returns:
        Samples whose key is the clip id; lines of the training list that are none are among its faults.

    Raises:
        UserError: The list is not there, or a line of the test list is none.
    """
    path = require_file(root, LISTS[split], LSMDC, LIST_FOLDERS)
    captions = Captions(testing=split == "test")
    clips: dict[str, int] = {}
    bad: list[tuple[str, DecodeError]] = []
    for number, fields in _rows(path):
        where = f"{path}, line {number}"
        if len(fields) != FIELDS:
            fault = f"has {len(fields)} fields with tabs between them, not {FIELDS}"
            if split == "test":
                raise UserError(f"{where}: {fault}; get the official list anew")
            bad.append((f"{path.name}:{number}", DecodeError(where, fault)))
            continue
        clip = check_clip(fields[0].strip(), where)
        if split == "test" and clip in clips:
            raise UserError(f"{where}: {clip} stands in line {clips[clip]} already; get the official list anew")
        clips.setdefault(clip, number)
        captions.add(clip, fields[-1], where)
    files = VideoFiles(root, VIDEO_FOLDERS, ENDINGS)
    locate = (lambda clip: files.find(clip, film_of(clip))) if shards is None else shards.get
    found = captions.split(clips, locate, str(path), str(path))
    found.missing += [name for name, _ in bad]
    found.faults += [fault for _, fault in bad]
    return found


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    return ((number, line.split("\t")) for number, line in read_lines(path))


class Lsmdc(CaptionedData):
    """LSMDC for text-video retrieval on its public test list of 1,000 clips."""

    facts = LSMDC

    @property
    def test_list(self) -> str:
        """The 1,000 clips of the 2016 challenge whose sentences are public."""
        return "public test 1000"

    def listed(self, split: str) -> Split:
        """See `read_lsmdc`."""
        return read_lsmdc(self.root, split, self.shards)
