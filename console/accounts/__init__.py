"""People, projects, roles, tokens and the audit log."""
