"""The ML library: configs, data, training, evaluation, gates. Alone: no Django, no Celery."""
