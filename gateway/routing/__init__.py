"""Chooses queue, priority and person for what a machine must not answer."""
