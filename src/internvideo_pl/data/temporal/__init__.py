"""Long videos with marked stretches of time: what official lists say of them, and how they are read."""
