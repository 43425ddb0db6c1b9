"""LightningModules: thin, a step is `objective(batch)`."""
