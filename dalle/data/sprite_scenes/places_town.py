"""Painters of built places: city, street, room and stage."""

import torch
from torch import Tensor

from dalle.data.sprite_scenes.place_brush import Brush
from dalle.data.sprite_scenes.place_elements import Columns, columns, panes, sky


def paint_city(b: Brush) -> None:
    """A skyline of towers with windows, tallest at the sides, behind a paved square."""
    _, low, _, _ = sky(b, 0.75, 2)
    far, first, second, glass, lit, pave, edge = b.palette(
        (
            "9fb8d0 5f7896 7f6f8c bfe0f4 fff0b8 b8bcc4 d8dce2",
            "b0b8cc 6a6f90 8c7468 cfe4f8 fff4c8 c4beb8 e2ddd6",
            "96bcc4 4f7f8c 6f8a7c c4ecf0 fff0b8 aeb8b8 d2dada",
        ),
        (
            "2a3668 141c40 1c1a3c 2a3460 ffd86a 2c3048 4a5070",
            "2c3060 18183a 14203c 30345c ffe08a 302e48 504c70",
        ),
    )
    back = columns(b, 9)
    top = back.of(b.many(9, 0.16, 0.5))
    below_top = b.band(0.1, 0.84)
    below_top.draw(torch.lerp(far, low, 0.2), below_top.cover(below_top.y - top))
    towers = columns(b, 7)
    away = torch.arange(7, device=b.x.device).sub(3).abs() / 3
    heights = 0.52 - 0.38 * away + b.many(7, -0.07, 0.12)
    top, gap = towers.of(heights), towers.of(b.many(7, 0, 0.12))
    shade = towers.of(b.many(7))[:, None]
    inside = torch.minimum(towers.u - gap / 2, 1 - gap / 2 - towers.u) * towers.width
    wall = b.cover(torch.minimum(b.y - top, inside))
    b.draw(torch.lerp(first, second, shade), wall)
    b.draw(torch.where(b.night[:, None] > 0, lit, glass), _lights(b, towers, top, gap) * wall)
    ground = b.band(0.84)
    ground.gradient(edge, pave, 0.85, 1)
    ground.draw(edge, ground.cover(0.012 - (ground.y - 0.852).abs()))
    lines = (ground.x - 0.5) / (ground.y - 0.7)
    seams = (lines * 4) % 1.0 - 0.5
    ground.draw(torch.lerp(pave, low, 0.35), ground.cover(0.005 - seams.abs() * (ground.y - 0.7) / 4) * 0.7)
    ground.draw(torch.lerp(pave, low, 0.35), ground.cover(0.003 - (ground.y - 0.93).abs()) * 0.7)


def _lights(b: Brush, towers: Columns, top: Tensor, gap: Tensor) -> Tensor:
    """Windows of towers: all by day, those that are lit by night: a mask (B, h, w)."""
    rows, across = 15, 3
    u = ((towers.u - gap / 2) / (1 - gap)).clamp(0, 0.999)
    u = (u - 0.08) / 0.84
    glass = panes(b, u, towers.width * (1 - gap) * 0.84, across, 0.5) * ((u > 0) & (u < 1))
    row = (b.y * rows).long()
    high = b.cover((0.27 - ((b.y * rows) % 1.0 - 0.5).abs()) / rows)
    open_top = (b.y - top - 0.02 > (b.y * rows) % 1.0 / rows).float()
    column = towers.index * across + (u[:, 0].clamp(0, 0.999) * across).long()
    table = b.many(rows * 7 * across).view(-1, rows, 7 * across)
    value = table.gather(2, column[:, None].expand(-1, rows, -1))[:, row[0, :, 0]]
    shown = (value < torch.where(b.night > 0, 0.6, 2.0)).float()
    return glass * high * open_top * shown


def paint_street(b: Brush) -> None:
    """A row of houses, a pavement with a lamp, and a road with a dashed line."""
    sky(b, 0.6, 2)
    wall_a, wall_b, wall_c, roof, pane, lit, door, walk, road, mark, post = b.palette(
        (
            "e88a6a f4cf7a 8fb8d8 8c4a42 d8effa fff0b0 6a4632 c8c4bc 6c707a f8f4e0 3c4450",
            "d8787a f0dfb8 86b89a 6a5048 e0f2fa fff0b0 4a5a78 d0ccc4 62666e ffffff 3a3a44",
            "f0a070 a8c8a0 c89ac0 7a4450 d4ecf4 fff0b0 7a3c38 c0c0c4 70707c fff4c8 34404c",
        ),
        (
            "54406a 5c5674 344e74 241c38 28386a ffd46a 1c1830 444866 24283e c8c090 10121e",
            "4c3a5c 605c70 305860 281e34 24345c ffdc80 181c30 4a4a60 26283a c8c8a8 101420",
        ),
    )
    count = 5
    houses = columns(b, count)
    part = b.band(0.05, 0.78)
    away = torch.arange(count, device=b.x.device).sub(2).abs() / 2
    eaves = houses.of(0.42 - 0.14 * away + b.many(count, -0.05, 0.05))
    pointed = houses.of((b.many(count) < 0.6).float())
    peak = 0.55 * houses.width * (2 * houses.u - 1).abs() - 0.55 * houses.width
    part.draw(roof, part.cover(part.y - eaves - torch.where(pointed > 0, peak, torch.full_like(peak, -0.03))))
    tone = houses.of(b.many(count))[:, None] * 2
    wall = torch.lerp(torch.lerp(wall_a, wall_b, tone.clamp(max=1)), wall_c, (tone - 1).clamp(min=0))
    front = part.cover(part.y - eaves)
    part.draw(wall, front)
    seam = houses.cover_edge(b)
    part.draw(roof, front * seam * 0.5)
    _fronts(part, houses, eaves, (pane, lit, door))
    ground = b.band(0.77)
    ground.picture.copy_(walk.expand_as(ground.picture))
    ground.draw(roof, ground.cover(0.776 - ground.y) * 0.5)
    ground.draw(torch.lerp(walk, road, 0.5), ground.cover(ground.y - 0.83))
    ground.draw(road, ground.cover(ground.y - 0.842))
    dash = ((ground.x * 5 + b.random()) % 1.0 - 0.5).abs()
    dashes = torch.minimum((0.3 - dash) / 5, 0.009 - (ground.y - 0.925).abs())
    ground.draw(mark, ground.cover(dashes))
    _lamp(b, post, lit)


def _fronts(b: Brush, houses: Columns, eaves: Tensor, colours: tuple[Tensor, Tensor, Tensor]) -> None:
    """Windows and doors of houses."""
    pane, lit, door = colours
    u = (houses.u - 0.1) / 0.8
    across = panes(b, u, houses.width * 0.8, 2, 0.52) * ((u > 0) & (u < 1))
    step = 0.145
    place = ((b.y - 0.775) / step) % 1.0
    down = b.cover((0.27 - (place - 0.45).abs()) * step) * (b.y - eaves > place * step)
    floor = ((0.775 - b.y) / step).long().clamp(0, 5)[0, :, 0]
    side = (u > 0.5).long()[:, 0] + houses.index * 2
    table = b.many(6 * 10).view(-1, 6, 10)
    value = table.gather(2, side[:, None].expand(-1, 6, -1))[:, floor]
    glow = (value < 0.55).float() * b.night
    colour = torch.lerp(pane, lit, glow[:, None])
    b.draw(colour, across * down)
    left = houses.of((b.many(5) < 0.5).float())
    centre = torch.where(left > 0, 0.3, 0.7)
    width = (0.15 - (houses.u - centre).abs()) * houses.width
    b.draw(door, b.cover(torch.minimum(width, b.y - 0.66)))


def _lamp(b: Brush, post: Tensor, lit: Tensor) -> None:
    """A street lamp at one side, shining by night."""
    x, top = 0.5 + b.side() * b.random(0.37, 0.42), b.random(0.3, 0.36)
    away = ((b.x - x).square() + (b.y - top).square()).sqrt_()
    b.draw(lit, (1 - away / 0.22).clamp_(0, 1).square_() * 0.7 * b.night)
    flat = torch.cat([x, x, x], 2)[:, 0]
    y = torch.cat([(top + 0.82) / 2, 0 * top + 0.81, top - 0.035], 2)[:, 0]
    half_x = torch.tensor([[0.008, 0.02, 0.03]], device=b.x.device)
    half_y = torch.cat([(0.82 - top) / 2, 0 * top + 0.012, 0 * top + 0.008], 2)[:, 0]
    b.draw(post, b.cover(b.boxes(flat, y, half_x, half_y)))
    b.draw(lit, b.cover(0.028 - away))


def paint_room(b: Brush) -> None:
    """A wall with a window and a picture, a floor of boards with a rug, and a standing lamp."""
    wall, stripe, floor, seam, frame, glass, hill, sill, rug, rim, shade, stand, art = b.palette(
        (
            "f4dcc0 eccfae c89460 b07e4c ffffff a8dcf8 8fcf6a f8f4ec c85a5a f4d8a0 ffd27a 6a4a3c 5fa88c",
            "cfe0e4 c0d4da b88a64 a07450 ffffff b0e0fa 9ad07a f4f4f0 4a78a8 e8e4cc ffe0a0 5a4a44 e08a5a",
            "e4d4e8 d8c4de a87c5c 906848 fbf4ea a4d8f4 7fc070 f4eef4 7a9a58 f0ecc8 ffc890 544058 d86a7a",
            "d8e4c4 cad8b2 d0a070 b88a5c fffaf0 acdef6 86c860 f6f8ec d88a3c f8e8c0 ffe8b0 5c4c34 4a7aa8",
        ),
        (
            "8a6a58 7e604f 6a4630 58382a a89078 101c48 16304a 90786a 7a3238 a88a60 ffe08a 3a2820 3f6a5c",
            "5c6480 525a76 5c4638 4c382c 9a98a4 0e1a42 122a44 84848f 30487a 908c88 ffdc90 302a30 8a5a4a",
        ),
    )
    b.picture.copy_(wall.expand_as(b.picture))
    wide = b.random(7, 11)
    paper = ((b.x * wide) % 1.0 - 0.5).abs()
    b.draw(stripe, b.cover((0.25 - paper) / wide) * (b.random() > 0.4))
    line = 0.76
    part = b.band(line)
    part.picture.copy_(floor.expand_as(part.picture))
    for level in (0.8, 0.86, 0.93):
        part.draw(seam, part.cover(0.003 - (part.y - level).abs()))
    boards = ((part.x - 0.5) / (part.y - 0.4) * 4 + (part.y * 14.3).floor() * 0.37) % 1.0 - 0.5
    part.draw(seam, part.cover((0.012 - boards.abs()) * 0.1) * 0.8)
    skirt = b.band(line - 0.05, line + 0.01)
    skirt.draw(frame, skirt.cover(skirt.y - line + 0.035) * skirt.cover(line - skirt.y))
    side = b.side()
    _window(b, 0.5 + side * b.random(0.28, 0.33), (frame, glass, hill, sill))
    x, y = (0.5 - side * b.random(0.27, 0.33))[:, 0], b.many(1, 0.15, 0.2)
    part = b.band(0, 0.4)
    wide, high = b.many(1, 0.08, 0.12), b.many(1, 0.075, 0.1)
    part.draw(stand, part.cover(part.boxes(x, y, wide, high)))
    part.draw(frame, part.cover(part.boxes(x, y, wide - 0.014, high - 0.014)))
    part.draw(art, part.cover(part.boxes(x, y + high * 0.4, wide - 0.028, high * 0.6 - 0.028)))
    part.draw(rug, part.cover(part.blobs(x, y - high * 0.1, 0.025)))
    low = b.band(0.8)
    x, wide = b.many(1, 0.46, 0.54), b.many(1, 0.36, 0.42)
    for colour, shrink in ((rug, 0.0), (rim, 0.035), (rug, 0.055)):
        low.draw(
            colour, low.cover(low.blobs(x, torch.full_like(x, 0.895), wide - shrink, 0.085 - shrink * 0.55))
        )
    _standing_lamp(b, 0.5 - side * b.random(0.38, 0.42), stand, shade)


def _window(b: Brush, x: Tensor, colours: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    """A window of four panes with a sill: hills outside, and by night a moon and stars."""
    frame, glass, hill, sill = colours
    part = b.band(0, 0.5)
    centre, y = x[:, 0], b.many(1, 0.24, 0.26)
    half_x, half_y = b.many(1, 0.12, 0.14), b.many(1, 0.15, 0.18)
    part.draw(frame, part.cover(part.boxes(centre, y, half_x, half_y)))
    inside = part.cover(part.boxes(centre, y, half_x - 0.018, half_y - 0.018))
    part.draw(glass, inside)
    moon = part.blobs(centre + 0.05, y - 0.07, 0.03)
    sparks = part.blobs(centre + b.many(6, -0.1, 0.1), y + b.many(6, -0.13, 0.13), 0.005)
    part.draw(torch.ones_like(glass), inside * part.cover(torch.maximum(moon, sparks)) * b.night)
    hills = part.blobs(centre + b.many(2, -0.12, 0.12), y + half_y + 0.03, 0.16, 0.12)
    part.draw(hill, inside * part.cover(hills))
    bars = torch.maximum(0.009 - (part.x - x).abs(), 0.009 - (part.y - y[:, :, None]).abs())
    part.draw(frame, part.cover(torch.minimum(bars, part.boxes(centre, y, half_x, half_y))))
    ledge = part.boxes(centre, y + half_y + 0.012, half_x + 0.025, 0.014)
    part.draw(sill, part.cover(ledge))


def _standing_lamp(b: Brush, x: Tensor, stand: Tensor, shade: Tensor) -> None:
    """A lamp on the floor, alight by night."""
    top = b.random(0.44, 0.48)
    away = ((b.x - x).square() + (b.y - top - 0.06).square()).sqrt_()
    b.draw(shade, (1 - away / 0.42).clamp_(0, 1).square_() * 0.75 * b.night)
    centre = torch.cat([x, x], 2)[:, 0]
    y = torch.tensor([[0.69, 0.85]], device=b.x.device).expand_as(centre)
    half_x = torch.tensor([[0.008, 0.045]], device=b.x.device)
    b.draw(stand, b.cover(b.boxes(centre, y, half_x, torch.tensor([[0.16, 0.01]], device=b.x.device))))
    slope = 0.05 + (b.y - top) * 0.35
    cone = torch.minimum(slope - (b.x - x).abs(), torch.minimum(b.y - top, top + 0.13 - b.y))
    b.draw(shade, b.cover(cone))


def paint_stage(b: Brush) -> None:
    """Curtains at the sides and above, a floor of boards, and beams of light."""
    back, glow, cloth, fold, gold, floor, seam, light = b.palette(
        (
            "2a1430 5a2a50 c02434 7c1020 f4c850 a8703c 8a5a30 fff4c8",
            "141a3c 2c3c78 b81c3c 780c28 f0c040 94623a 784c2c fff8dc",
            "1c1c28 44384c 8c2a7c 581450 f4d070 b07a48 90603a fff0d0",
        )
    )
    b.gradient(back, glow, 0, 0.8)
    floor_line = 0.78
    for aim in (b.random(0.3, 0.42), b.random(0.58, 0.7)):
        source = 0.5 + (aim - 0.5) * -0.6
        middle = source + (aim - source) * b.y / 0.88
        b.draw(light, b.cover(0.02 + 0.2 * b.y - (b.x - middle).abs(), 4.0) * 0.26)
    part = b.band(floor_line)
    part.gradient(floor, seam, floor_line, 1.1)
    boards = ((part.x - 0.5) / (part.y - 0.5) * 3.5) % 1.0 - 0.5
    part.draw(seam, part.cover((0.012 - boards.abs()) * 0.12))
    x = torch.full((1, 1), 0.5, device=b.x.device)
    pool = part.blobs(x, torch.full_like(x, 0.88), 0.36, 0.075)
    part.draw(light, part.cover(pool, 3.0) * 0.6)
    count = b.random(22, 28)
    pleat = 0.5 + 0.5 * torch.sin((b.x - 0.5).abs() * 2 * count + b.random(0, 6.3))
    red = torch.lerp(fold, cloth, pleat[:, None])
    width = b.random(0.17, 0.2) + 0.02 * torch.sin(b.y * 7 + b.random(0, 6.3)) + 0.05 * (0.5 - b.y)
    b.draw(red, b.cover(width - torch.minimum(b.x, 1 - b.x)) * b.cover(0.93 - b.y))
    top = b.band(0, 0.25)
    swag = (b.x * 5) % 1.0
    hem = 0.1 + 0.055 * (1 - (2 * swag - 1).square())
    shade = 0.45 + 0.55 * (1 - (2 * swag - 1).square())
    top.draw(gold, top.cover(hem + 0.016 - top.y))
    top.draw(torch.lerp(fold, cloth, shade[:, None]), top.cover(hem - top.y))
    edge = b.band(0.93)
    edge.draw(seam * 0.6, edge.cover(edge.y - 0.95))
    lamps = edge.blobs(
        torch.linspace(0.08, 0.92, 6, device=b.x.device)[None],
        torch.full((1, 6), 0.955, device=b.x.device),
        0.02,
    )
    edge.draw(gold, edge.cover(lamps))
