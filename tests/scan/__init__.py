"""Scans everything a running gateway has written for secrets that were planted in what it took in."""
