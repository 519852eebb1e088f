"""Marks drawn with lines, so that they are sharp at every scale and need no icon font."""

import math

from imgui_bundle import imgui

Vec = imgui.ImVec2


def reset(draw: imgui.ImDrawList, centre: Vec, size: float, colour: int, hair: float) -> None:
    """An arrow that turns back: three quarters of a circle with a head at its start."""
    r = size * 0.28
    start, end = math.radians(-135), math.radians(150)
    draw.path_arc_to(centre, r, start, end, 20)
    draw.path_stroke(colour, hair * 1.2)
    tip = Vec(centre.x + r * math.cos(start), centre.y + r * math.sin(start))
    arm = size * 0.22
    draw.add_line(tip, Vec(tip.x, tip.y - arm), colour, hair * 1.2)
    draw.add_line(tip, Vec(tip.x + arm, tip.y), colour, hair * 1.2)


def close(draw: imgui.ImDrawList, centre: Vec, size: float, colour: int, hair: float) -> None:
    """A cross."""
    r = size * 0.3
    draw.add_line(Vec(centre.x - r, centre.y - r), Vec(centre.x + r, centre.y + r), colour, hair * 1.3)
    draw.add_line(Vec(centre.x - r, centre.y + r), Vec(centre.x + r, centre.y - r), colour, hair * 1.3)


def play(draw: imgui.ImDrawList, centre: Vec, size: float, colour: int, hair: float) -> None:
    """A triangle that points right."""
    r = size * 0.36
    draw.add_triangle_filled(
        Vec(centre.x - r * 0.7, centre.y - r),
        Vec(centre.x - r * 0.7, centre.y + r),
        Vec(centre.x + r, centre.y),
        colour,
    )


def pause(draw: imgui.ImDrawList, centre: Vec, size: float, colour: int, hair: float) -> None:
    """Two upright bars."""
    r = size * 0.32
    for side in (-1, 1):
        x = centre.x + side * r * 0.55
        draw.add_rect_filled(Vec(x - r * 0.28, centre.y - r), Vec(x + r * 0.28, centre.y + r), colour)


def chevron(
    draw: imgui.ImDrawList, centre: Vec, size: float, colour: int, hair: float, *, down: bool = True
) -> None:
    """An angle that points down, or right."""
    r = size * 0.2
    if down:
        points = (
            Vec(centre.x - r, centre.y - r / 2),
            Vec(centre.x, centre.y + r / 2),
            Vec(centre.x + r, centre.y - r / 2),
        )
    else:
        points = (
            Vec(centre.x - r / 2, centre.y - r),
            Vec(centre.x + r / 2, centre.y),
            Vec(centre.x - r / 2, centre.y + r),
        )
    draw.add_line(points[0], points[1], colour, hair * 1.2)
    draw.add_line(points[1], points[2], colour, hair * 1.2)


def grip(draw: imgui.ImDrawList, centre: Vec, size: float, colour: int, hair: float) -> None:
    """Three dots side by side: a menu."""
    for i in (-1, 0, 1):
        draw.add_circle_filled(Vec(centre.x + i * size * 0.28, centre.y), max(1.0, size * 0.075), colour)
