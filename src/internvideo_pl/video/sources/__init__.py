"""Where videos come from: files, folders of pictures, tar shards and URLs, all read alike."""

from internvideo_pl.video.sources.files import VIDEO_SUFFIXES, find_sources, find_videos, read_list
from internvideo_pl.video.sources.source import Source, open_source

__all__ = ["VIDEO_SUFFIXES", "Source", "find_sources", "find_videos", "open_source", "read_list"]
