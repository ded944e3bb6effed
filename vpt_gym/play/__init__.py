"""Playing an env in a window, and recording it as demos (``vpt-gym play``).

``controls`` (keys and mouse to human actions), ``clock`` and ``session`` (episodes and demos) do not use a window.
``window`` and ``hud`` use pygame to draw and to read the input, and ``loop`` connects all of them.
"""
