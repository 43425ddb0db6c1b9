"""Videos in which a run hung: the run ends and names them, and when it goes on it leaves them out."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from internvideo_pl.errors import RunFailed
from internvideo_pl.video.deadline import Reading
from internvideo_pl.video.watchdog import HARD, victim, watch
from internvideo_pl.whole_file import write_whole

FILE = "hung_videos.json"  # in the run's folder: path -> reason


class VideoHung(RunFailed):
    """A video whose reading did not end, so that the process that read it had to."""


class Hangs:
    """What a run knows of videos that hang.

    Args:
        folder: The run's folder.
        seconds: How long reading one video may take (`data.decode_timeout`).
    """

    def __init__(self, folder: Path, seconds: float):
        self.file = folder / FILE
        self.reason = f"did not end to be read within {HARD * seconds:g} s"
        self.seconds = seconds

    @property
    def known(self) -> dict[str, str]:
        """Reason by path of the videos in which earlier attempts of this run hung."""
        return json.loads(self.file.read_text(encoding="utf-8")) if self.file.is_file() else {}

    @contextmanager
    def named(self) -> Iterator[None]:
        """Turns the sudden end of a loader's worker into a sentence that names the video.

        Videos that are read in this very process are watched too; it is ended when one hangs.

        Raises:
            VideoHung: A worker was ended because a video hung.
        """
        victim().forget()
        stop = watch(self.seconds, self._end)
        try:
            yield
        except Exception as error:
            name = victim().name
            if name is None:
                raise
            raise VideoHung(self._note(name)) from error
        finally:
            stop()

    def _end(self, reading: Reading) -> None:
        print(f"internvideo: {self._note(reading.name)}", file=sys.stderr, flush=True)
        os._exit(1)

    def _note(self, name: str) -> str:
        """Keeps a name, and says in a sentence what to do."""
        write_whole(self.file, json.dumps(self.known | {name: self.reason}, indent=2) + "\n")
        return f"{name} {self.reason}, so the run was stopped; started again, it goes on without this video."
