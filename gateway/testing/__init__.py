"""The public kit for channel authors: contract suite, fake provider server, clock, builders."""
