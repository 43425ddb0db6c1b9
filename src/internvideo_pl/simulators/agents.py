"""Agents that see and read nothing: what any policy has to beat. Both are VLN-CE's (arXiv 2004.02857, section 5)."""

import math

import numpy as np

from internvideo_pl.simulators.simulator import Action
from internvideo_pl.simulators.walk import Walk

SHARES = (0.02, 0.68, 0.15, 0.15)  # of stop, forward, left and right in the training set's ground truth
STEPS = 37  # forward actions of the training set's average path


def act_randomly(walk: Walk, rng: np.random.Generator) -> None:
    """Draw actions as often as the ground truth has them, until one is to stop."""
    while not walk.over:
        walk.act(Action(int(rng.choice(len(SHARES), p=SHARES))))


def go_forward(walk: Walk, rng: np.random.Generator) -> None:
    """Turn to a random heading, go forward as long as the average path is, and stop."""
    walk.turn(float(rng.uniform(-math.pi, math.pi)))
    for _ in range(STEPS):
        walk.act(Action.FORWARD)
    walk.act(Action.STOP)
