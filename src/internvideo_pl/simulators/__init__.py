"""Houses that an agent can walk through and look around in."""
