"""Training: one loop, an engine seam, exact resume. Heavy modules are imported by the job only."""
