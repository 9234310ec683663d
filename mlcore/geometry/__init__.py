"""Coordinates: spaces, the order of objects, and overlap."""
