"""The launcher's entry, by the standard library alone: python3 -m unittest discover -s tests"""

import os
import sys
import unittest
import xml.etree.ElementTree
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import jupyter_lucarne

# What jupyter-server-proxy takes since 4.3, and of which type.
KNOWN = {
    "command": list,
    "environment": dict,
    "unix_socket": bool,
    "timeout": int,
    "absolute_url": bool,
    "new_browser_tab": bool,
    "update_last_activity": bool,
    "launcher_entry": dict,
}
KNOWN_OF_LAUNCHER = {"enabled": bool, "icon_path": str, "title": str, "path_info": str, "category": str}


class Server(unittest.TestCase):
    def entry(self, **environ):
        with mock.patch.dict(os.environ, environ, clear=True):
            return jupyter_lucarne.server()

    def test_keys(self):
        entry = self.entry()
        for known, values in [(KNOWN, entry), (KNOWN_OF_LAUNCHER, entry["launcher_entry"])]:
            for key, value in values.items():
                self.assertIs(type(value), known[key], key)

    def test_templates(self):
        entry = self.entry()
        texts = entry["command"] + list(entry["environment"].values())
        filled = [text.format(unix_socket="/run/s", base_url="/user/zoe/", port=0) for text in texts]
        self.assertEqual(filled, ["lucarne", "up", "--listen", "unix:/run/s", "--base-path", "/user/zoe/lucarne/", "none"])

    def test_who_may_come_in(self):
        self.assertEqual(self.entry(LUCARNE_AUTH="password")["environment"], {"LUCARNE_AUTH": "password"})

    def test_titles(self):
        for environ, title in [
            ({}, "Desktop"),
            ({"LANG": "fr_CA.UTF-8"}, "Bureau"),
            ({"LANG": "fr_CA.UTF-8", "KF_LANG": "en"}, "Desktop"),
            ({"LANG": "C.UTF-8", "KF_LANG": "FR"}, "Bureau"),
            ({"LANG": "de_DE.UTF-8"}, "Desktop"),
        ]:
            self.assertEqual(self.entry(**environ)["launcher_entry"]["title"], title, environ)

    def test_icon(self):
        root = xml.etree.ElementTree.parse(self.entry()["launcher_entry"]["icon_path"]).getroot()
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")


if __name__ == "__main__":
    unittest.main()
