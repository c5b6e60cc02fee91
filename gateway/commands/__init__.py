"""The commands of `gateway`, one module a group: they read options, call, and print."""
