"""The icons that pages may use: our name -> the Tabler outline (or filled/...) file.

The sprite holds these and no others, so a page stays light and a typo is an error.
"""
from __future__ import annotations

ICONS: dict[str, str] = {
    # places
    "home": "home-2", "runs": "list-details", "datasets": "database", "configs": "file-settings",
    "models": "box", "gates": "shield-check", "fleet": "server-2", "settings": "settings",
    # states of a run
    "queued": "clock-hour-4", "running": "loader-2", "cancelling": "hourglass-low",
    "succeeded": "circle-check", "failed": "circle-x", "cancelled": "circle-minus",
    "interrupted": "player-pause", "passed": "shield-check", "blocked": "shield-x",
    "online": "circle-check", "offline": "plug-connected-x", "draining": "hourglass-low",
    "unknown": "help-circle", "warning": "alert-triangle", "info": "info-circle",
    # acts
    "launch": "player-play", "cancel": "player-stop", "retry": "reload", "resume": "player-track-next",
    "clone": "copy-plus", "download": "download", "upload": "upload", "search": "search",
    "filter": "filter", "plus": "plus", "close": "x", "check": "check", "copy": "copy",
    "edit": "pencil", "trash": "trash", "diff": "git-compare", "pin": "pin", "columns": "columns-3",
    "left": "chevron-left", "right": "chevron-right", "down": "chevron-down", "selector": "selector",
    "external": "external-link", "refresh": "refresh", "zoom": "zoom-in", "eye": "eye",
    "sun": "sun", "moon": "moon", "auto": "device-desktop", "language": "language",
    "sign-out": "logout", "keyboard": "keyboard", "menu": "menu-2", "user": "user",
    # things
    "people": "users", "key": "key", "audit": "history", "project": "folder", "host": "server",
    "cpu": "cpu", "queue": "stack-2", "metric": "chart-line", "sample": "photo", "log": "terminal-2",
    "artifact": "package", "lineage": "git-fork", "event": "timeline-event", "config": "code",
    "overview": "layout-dashboard", "file": "file", "image": "photo", "record": "photo-scan",
    "reject": "photo-x", "branch": "git-branch", "hash": "hash", "bell": "bell", "flag": "flag",
    "train": "school", "predict": "wand", "evaluate": "chart-bar",
    "import": "database-import", "synth": "photo-ai", "gate": "shield-check", "run": "rocket",
}
