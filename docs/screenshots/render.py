# Draws a terminal's screen, ANSI text from standard input, with Pillow: OUT.png [COLUMN ROW of the cursor].
# The pictures: a relay and four `mpenc chat` in tmux; `tmux capture-pane -e -N -p | python3 render.py ...`.
import re
import sys
import unicodedata

from PIL import Image, ImageDraw, ImageFont

FONTS = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono"
BACKGROUND, TEXT = (24, 26, 31), (220, 223, 228)
NAMED = [
    (40, 44, 52), (240, 113, 120), (152, 195, 121), (229, 192, 123),
    (97, 175, 239), (214, 130, 235), (86, 182, 194), (220, 223, 228),
]
WIDTH, HEIGHT, MARGIN, COLUMNS = 11, 23, 18, 104


def restyle(style, codes):
    if codes[:2] == [38, 5]:
        codes = [codes[2] + (30 if codes[2] < 8 else 82)]
    for code in codes:
        if code == 0:
            style.clear()
        elif code in (1, 2, 7):
            style[code] = True
        elif code == 22:
            style.pop(1, None), style.pop(2, None)
        elif code == 27:
            style.pop(7, None)
        elif 30 <= code <= 37:
            style["text"] = NAMED[code - 30]
        elif 90 <= code <= 97:
            style["text"] = NAMED[code - 90]
        elif code == 39:
            style.pop("text", None)
        elif code != 49:
            sys.exit(f"no style is known for {code}")


def cells(line, style):
    for codes, text in re.findall(r"\x1b\[([\d;]*)m|([^\x1b])", line):
        if text:
            yield text, dict(style)
        else:
            restyle(style, [int(code or 0) for code in codes.split(";")])


def mix(a, b, share):
    return tuple(round(x * share + y * (1 - share)) for x, y in zip(a, b))


def main():
    plain, bold = (ImageFont.truetype(f"{FONTS}{end}.ttf", 18) for end in ("", "-Bold"))
    lines = sys.stdin.read().replace("\x1b(B", "").replace("\x0f", "").split("\n")
    lines = lines[:-1] if not lines[-1] else lines
    size = (COLUMNS * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN)
    image = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(image)
    style = {}
    for row, line in enumerate(lines):
        column, y = 0, MARGIN + row * HEIGHT
        for text, drawn in cells(line, style):
            x = MARGIN + column * WIDTH
            wide = 2 if unicodedata.east_asian_width(text) in "WF" else 1
            ink, ground = drawn.get("text", TEXT), BACKGROUND
            if 2 in drawn:
                ink = mix(ink, BACKGROUND, 0.55)
            if 7 in drawn:
                ink, ground = ground, ink
            end = x + wide * WIDTH - 1
            draw.rectangle((x, y, end, y + HEIGHT - 1), fill=ground)
            middle, centre = y + HEIGHT // 2, x + WIDTH // 2
            if text == "─":
                draw.line((x, middle, end, middle), fill=mix(ink, ground, 0.6))
            elif text == "│":
                draw.line((centre, y, centre, y + HEIGHT - 1), fill=mix(ink, ground, 0.6))
            elif text in "█░":
                fill = ink if text == "█" else mix(ink, ground, 0.3)
                draw.rectangle((x, y + 4, end, y + HEIGHT - 5), fill=fill)
            else:
                draw.text((x, y + 1), text, font=bold if 1 in drawn else plain, fill=ink)
            column += wide
    if len(sys.argv) == 4:
        x, y = (MARGIN + int(at) * size for at, size in zip(sys.argv[2:], (WIDTH, HEIGHT)))
        draw.rectangle((x, y, x + WIDTH - 1, y + HEIGHT - 1), fill=TEXT)
    image.quantize(256, Image.Quantize.MAXCOVERAGE).save(sys.argv[1], optimize=True)


main()
