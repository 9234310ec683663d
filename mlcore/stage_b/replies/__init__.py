"""What a model says about guidance, as JSON. Nothing else reads it."""
