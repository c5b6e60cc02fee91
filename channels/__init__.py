"""One module per channel. The gateway finds them by entry point and imports none by name."""
