"""What a run was trained on when that was a mixture: written into its folder, printed, and shown in its card."""

import json
from pathlib import Path
from typing import Any

from internvideo_pl.data.mixture import MixtureData
from internvideo_pl.data.module import VideoData
from internvideo_pl.run.folder import write_json
from internvideo_pl.tables.table import Table

MIXTURE = "mixture.json"
