"""The ML library: configs, data, training, evaluation, gates. No Django, no Celery; usable alone."""
