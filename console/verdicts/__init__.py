"""Verdicts of finished Stage-B runs: tickets, figures over time, operating points, flips."""
