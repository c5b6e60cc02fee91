"""The words of the gateway as types: pure, standard library only, no I/O, no clock, no randomness."""
