"""Markdown as the project writes it: prose is wrapped at 100 columns; tables, code and headings are left as they are."""

import re
import textwrap

WIDTH = 100


def is_prose(line):
    return bool(line.strip()) and not re.match(r"\s*(\||#|<|>|```|!\[)|    ", line)


def long_lines(text):
    """Numbers of lines of prose that are longer than that, though they could be broken."""
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            code = not code
        elif not code and len(line) > WIDTH and is_prose(line) and " " in line[:WIDTH].strip():
            yield number


def wrap(text):
    """The same text with its paragraphs and list items wrapped anew."""
    out, paragraph, code = [], [], False

    def flush():
        if not paragraph:
            return
        first = re.match(r"(\s*)((?:[-*]|\d+\.)\s+)?", paragraph[0])
        indent = first[1] + " " * len(first[2] or "")
        words = " ".join(line.strip() for line in paragraph)
        out.extend(textwrap.wrap(first[1] + words, WIDTH, subsequent_indent=indent, break_long_words=False,
                                 break_on_hyphens=False) or [""])
        paragraph.clear()

    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            flush()
            code = not code
            out.append(line)
        elif code or not is_prose(line):
            flush()
            out.append(line)
        else:
            if re.match(r"\s*([-*]|\d+\.)\s", line):
                flush()
            paragraph.append(line)
    flush()
    return "\n".join(out) + "\n"
