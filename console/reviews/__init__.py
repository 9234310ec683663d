"""The need-review queue: tickets that people decide, leases, reviews, agreement, export."""
