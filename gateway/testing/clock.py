"""A clock that stands still until a test moves it."""

#: 2026-01-01 00:00:00 UTC; any fixed instant would do, this one reads well in recorded payloads.
NEW_YEAR = 1_767_225_600.0


class FakeClock:
    """A `Clock` for tests."""

    def __init__(self, now: float = NEW_YEAR) -> None:
        self._now = now

    def now(self) -> float:
        """Seconds since 1970, the same on every call until `advance`."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Move on and return the new time. Raises ValueError for a step back: time never does."""
        if seconds < 0:
            msg = f"a clock does not go back ({seconds} s)"
            raise ValueError(msg)
        self._now += seconds
        return self._now
