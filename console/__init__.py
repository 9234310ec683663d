"""Django: pages, REST API and the truth about runs."""
