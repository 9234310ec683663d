"""Guidance of missions: immutable versions, their evidence and effect, promotion and revert."""
