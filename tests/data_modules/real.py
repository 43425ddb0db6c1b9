"""Where real annotation rows may lie beside the project; they are never part of it."""

from pathlib import Path

_FOLDERS = [parent / "shared" / "data" / "videolang" for parent in Path(__file__).resolve().parents[3:5]]
VIDEOLANG = next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0])
ABSENT = f"no real rows at {VIDEOLANG}"
