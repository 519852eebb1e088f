"""Whether the desktop asks for a dark theme."""

import subprocess
import sys
from functools import cache

SECONDS = 1.0  # that the desktop gets to answer
QUESTIONS = {
    "darwin": ["defaults", "read", "-g", "AppleInterfaceStyle"],
    "linux": ["gsettings", "get", "org.gnome.desktop.interface", "color-scheme"],
    "win32": [
        "reg",
        "query",
        r"HKCU\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize",
        "/v",
        "AppsUseLightTheme",
    ],
}


@cache
def is_dark() -> bool:
    """The desktop's wish when asked first; dark where it has none."""
    question = QUESTIONS.get(sys.platform)
    if question is None:
        return True
    try:
        answer = subprocess.run(question, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return True
    return understood(sys.platform, answer.returncode, answer.stdout)


def understood(platform: str, code: int, words: str) -> bool:
    """What the desktop's answer means: a Mac in light mode has no such setting, the others say "light" or a number."""
    if platform == "darwin":
        return code == 0 and "dark" in words.lower()
    if platform == "win32":
        return code != 0 or "0x1" not in words
    return code != 0 or "light" not in words.lower()
