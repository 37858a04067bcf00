"""Lucarne's desktop for jupyter-server-proxy: what it is started by, and its tile in the launcher."""

import os

TITLES = {"en": "Desktop", "fr": "Bureau"}


def language(environ):
    """The desktop's language, as `lucarne up` finds it: KF_LANG, else LANG; English where there is no title."""
    name = (environ.get("KF_LANG") or environ.get("LANG") or "")[:2].lower()
    return name if name in TITLES else "en"


def server():
    """The entry point: a server process in the terms of jupyter-server-proxy."""
    return {
        "command": ["lucarne", "up", "--listen", "unix:{unix_socket}", "--base-path", "{base_url}lucarne/"],
        # Jupyter has let in whoever reaches the socket.
        "environment": {"LUCARNE_AUTH": os.environ.get("LUCARNE_AUTH", "none")},
        # In a directory of mode 0700: there is no port that others on the machine can reach.
        "unix_socket": True,
        # Seconds until there is an answer. It comes before the desktop, and says what starts.
        "timeout": 30,
        # Lucarne answers with its prefix and without, and its pages name nothing by an absolute path.
        "absolute_url": False,
        # In JupyterLab's own tabs there is neither pointer lock nor the keyboard's.
        "new_browser_tab": True,
        # Pictures and pings are no activity of Jupyter's. Lucarne tells the hub of what is.
        "update_last_activity": False,
        "launcher_entry": {
            "title": TITLES[language(os.environ)],
            "icon_path": os.path.join(os.path.dirname(os.path.abspath(__file__)), "lucarne.svg"),
        },
    }
