"""Strict configs: typed frozen models read from YAML with every problem located."""
