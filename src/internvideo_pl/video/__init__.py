"""From a file to frames to a clip."""
