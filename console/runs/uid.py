"""Short ids of runs that sort by time of making."""
from __future__ import annotations

import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""digits and letters that are not mistaken for one another when read aloud"""
TIME_DIGITS = 7
RANDOM_DIGITS = 5


def new_uid() -> str:
    """12 characters: seconds since 1970 in base 32, then 25 random bits."""
    seconds = int(time.time())
    digits = [ALPHABET[seconds >> 5 * place & 31] for place in reversed(range(TIME_DIGITS))]
    digits += [secrets.choice(ALPHABET) for _ in range(RANDOM_DIGITS)]
    return "".join(digits)
