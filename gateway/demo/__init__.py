"""The scripted story of `gateway demo`."""
