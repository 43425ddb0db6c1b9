"""The miniature world: small rendered videos in the official layouts of the benchmarks, made on first use."""
