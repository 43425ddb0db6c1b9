"""A dataset's videos packed into tar shards, and read from them by official key."""
