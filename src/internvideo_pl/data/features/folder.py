"""A folder of features, one file a video, with what they were made by."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from internvideo_pl.data.features.file import FOREIGN, SUFFIX, file_name, key_of
from internvideo_pl.errors import UserError
from internvideo_pl.whole_file import write_whole

RECIPE, INDEX = "recipe.json", "index.json"


class FeatureFolder:
    """The files of a folder by official id, and whether the folder may be added to.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, recipe: dict[str, Any]) -> None:
        """Take the folder for features of this recipe, or go on with it.

        Args:
            recipe: Everything that decides the features, in JSON's types.

        Raises:
            UserError: The folder holds features of another recipe, or cannot be written.
        """
        path = self.folder / RECIPE
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if path.is_file():
                found = json.loads(path.read_text(encoding="utf-8"))
                unlike = sorted(name for name in recipe.keys() | found.keys() if recipe.get(name) != found.get(name))
                if unlike:
                    raise UserError(
                        f"{self.folder} holds features of another recipe: {unlike[0]} is {found.get(unlike[0])!r} "
                        f"there and {recipe.get(unlike[0])!r} now; choose another folder or remove it"
                    )
            else:
                write_whole(path, json.dumps(recipe, indent=2) + "\n")
        except OSError as error:
            raise UserError(f"features cannot be written to {self.folder} ({error.strerror})") from error

    def has(self, key: str) -> bool:
        """Whether a video's features are there."""
        return (self.folder / file_name(key)).is_file()

    def paths(self) -> dict[str, str]:
        """Every file by official id; ours before others' of the same id.

        Raises:
            UserError: There is none.
        """
        names = sorted(entry.name for entry in os.scandir(self.folder) if not entry.name.startswith("."))
        found = {key_of(name): str(self.folder / name) for name in names if name.endswith(FOREIGN)}
        found |= {key_of(name): str(self.folder / name) for name in names if name.endswith(SUFFIX)}
        if not found:
            raise UserError(f"{self.folder} holds no features (*{SUFFIX} or *{FOREIGN}): make them first")
        return found

    def finish(self) -> Path:
        """Write the index: the recipe and each file's size, whose hash stands for the whole folder."""
        files = {key: os.path.getsize(path) for key, path in sorted(self.paths().items())}
        recipe = json.loads((self.folder / RECIPE).read_text(encoding="utf-8"))
        path = self.folder / INDEX
        write_whole(path, json.dumps({"recipe": recipe, "bytes": files}, indent=1) + "\n")
        return path


def recipe_hash(recipe: dict[str, Any]) -> str:
    """Twelve digits that stand for a recipe."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]
