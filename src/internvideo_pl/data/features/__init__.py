"""Features of long videos over time: how they are kept, read and batched."""
