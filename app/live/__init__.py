"""The window: one state, one loop, one file per panel. OpenGL stays in `window.py` and `texture.py`."""
