"""One file for each check: `check(scene) -> Result`."""
