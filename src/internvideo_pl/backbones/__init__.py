"""Clip to tokens, sentence to tokens: every network of InternVideo, and how two of them are coordinated."""
