"""Randomness that depends on what is drawn for, never on who draws or in which order."""

from __future__ import annotations

import hashlib

import numpy as np


def sample_rng(seed: int, epoch: int, sample_id: str, purpose: str) -> np.random.Generator:
    """A generator for one sample in one epoch and for one purpose (`"augment"`, `"mode"`, ...).

    A pure function of its arguments, the same in every process and on every machine, so neither
    the number of workers nor of ranks changes what a sample becomes. Purposes are independent.
    """
    key = "\0".join((str(seed), str(epoch), sample_id, purpose)).encode()
    digest = hashlib.blake2b(key, digest_size=16).digest()
    words = np.frombuffer(digest[::-1], dtype="<u4").astype(np.uint32)
    return np.random.Generator(np.random.PCG64(words))
