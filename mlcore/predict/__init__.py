"""Answers for every image of a split, written as raw text."""
