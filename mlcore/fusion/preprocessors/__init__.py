"""One step before rendering in each file; see `mlcore.fusion.preprocessor`."""
