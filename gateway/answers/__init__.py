"""Decides which answer fits, whether it is safe to send, and what it says."""
