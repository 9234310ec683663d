"""Mixing datasets: how many samples of each, and which, in every epoch."""
