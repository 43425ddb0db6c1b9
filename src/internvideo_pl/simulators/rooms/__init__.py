"""Our own small simulator: houses of rectangular rooms, seen and walked through continuously."""
