"""InternVideo (arXiv 2212.03191) as one PyTorch Lightning experiment framework."""

__version__ = "0.1.0"
