"""Several experiments in order, each starting from those before it: what `stages` in an experiment's file means."""

from pathlib import Path

from internvideo_pl.config import Experiment, save_config
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.run.build import check_fit
from internvideo_pl.run.folder import mark_done
from internvideo_pl.run.single import Finished, run_one


def run_stages(pipeline: Experiment, stages: list[Experiment], folder: Path) -> list[Finished]:
    """Run every stage in a numbered sub-folder; all are checked before the first one starts."""
    for stage in stages:
        check_fit(stage)
    save_config(pipeline, folder / "config.yaml")
    finished: list[Finished] = []
    folders: dict[str, Path] = {}
    cache = FrameCache()
    for number, stage in enumerate(stages, start=1):
        print(f"[{number}/{len(stages)}] {stage.name}", flush=True)
        own = folder / f"{number:02d}-{stage.name.replace('/', '-')}"
        own.mkdir()
        finished.append(run_one(stage, own, folders, cache))
        folders[stage.name] = own
    mark_done(folder, {"experiment": pipeline.name, "mini": pipeline.mini, "stages": len(stages)})
    return finished
