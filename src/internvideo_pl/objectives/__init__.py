"""Batches to named losses: modules that hold what is trained."""
