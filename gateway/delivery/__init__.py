"""The outbox: what goes out, when, and what happens when it does not."""
