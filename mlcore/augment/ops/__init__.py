"""The ops, one file each. A new file here is found by itself: see docs/augmentation.md."""
