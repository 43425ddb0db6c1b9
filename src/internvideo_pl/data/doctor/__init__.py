"""Checks of a dataset before anything is trained on it: lists, files, duplicates, speed, machine, disk."""
