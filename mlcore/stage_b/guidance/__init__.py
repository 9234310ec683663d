"""What the model is told about a mission: a checklist, invariants, and rules that evolve."""
