"""Sweeps: files in Weights & Biases' own format, run by its agents where there is a server, else on this machine."""
