"""Generators beside torch's, which the SDK seeds itself."""

import random
import sys


def seed(number):
    """Seeds Python's generator, and numpy's where somebody has loaded it. torch's was seeded just before."""
    random.seed(number)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(number & 0xFFFFFFFF)
