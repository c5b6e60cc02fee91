"""Damaged and hostile input, from a seed: `python -m tests.fuzz mails --count 5000 --seed 1`."""
