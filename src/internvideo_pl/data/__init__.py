"""What the benchmarks share: batch types, clip datasets, DataModule bases, miniatures."""
