"""What is true of a dataset, kept beside the class that reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from internvideo_pl.errors import UserError


@dataclass(frozen=True)
class DatasetFacts:
    """The facts of one dataset; every number's source stands beside it where it is filled in.

    Attributes:
        name: As the paper writes it.
        task: What it is a benchmark of, e.g. "action recognition".
        splits: Entries of each official list.
        url: The official source of annotations and videos.
        licence: Licence of the annotations.
        terms: What the videos may be used for.
        layout: Where the readers look, relative to the dataset's folder.
        num_classes: Number of classes; 0 for data without classes.
        defects: What is known to be wrong with the usual copies, or easily done wrong, a clause each.
        sentences: Sentences of each list, for videos with several.
    """

    name: str
    task: str
    splits: Mapping[str, int] = field(hash=False)
    url: str
    licence: str
    terms: str
    layout: str
    num_classes: int = 0
    defects: tuple[str, ...] = ()
    sentences: Mapping[str, int] = field(default_factory=dict, hash=False)

    def absent(self, root: Path, what: str = "it") -> UserError:
        """The error for a dataset, or a part of it, that is not on disk.

        Args:
            root: Where it was looked for.
            what: The part that is not there, e.g. "val.csv or validate.csv".
        """
        return UserError(
            f"{self.name} was not found: {what} is not in {root}; get it from {self.url} ({self.terms}) "
            f"and lay it out as {self.layout}, or try MINI=1 for the generated miniature"
        )
