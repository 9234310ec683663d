"""Training configs of the older, ms-swift-like form, and the way into today's."""
