"""What people call an inquiry by."""

import time
from hashlib import sha256


def inquiry_number(event_id: str, now: float, attempt: int = 1) -> str:
    """The day and six digits, 'yymmdd-nnnnnn' in UTC.

    It follows from the event, so that the same event planned again has the same number; a
    collision (two inquiries of one day) shows as a conflict and the next attempt takes another.
    """
    digits = int.from_bytes(sha256(f"{event_id}/{attempt}".encode()).digest()[:8]) % 1_000_000
    return f"{time.strftime('%y%m%d', time.gmtime(now))}-{digits:06d}"
