"""One grammar of answers in each file; see `mlcore.coordjson.builder`."""
