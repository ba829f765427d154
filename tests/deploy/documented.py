"""The commands that the documents show, in their blocks of code."""

from support import ROOT


def commands_of(document):
    """The commands of a document, each on one line, without its comment. Blocks that name a language, pictures and JSON are
    no commands."""
    commands, block = [], None
    for line in (ROOT / document).read_text().splitlines():
        line = line.strip()
        if not line.startswith("```"):
            if block is not None:
                block.append(line)
        elif block is not None:
            commands += of_block(block)
            block = None
        else:
            block = [] if line == "```" else Other()
    return commands


class Other(list):
    """A block of another language."""


def of_block(lines):
    if isinstance(lines, Other) or any("--->" in line or line.startswith("{") for line in lines):
        return []
    lines = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [command for command in map(without_comment, lines) if command]


def without_comment(line):
    """A comment begins after two spaces, or is the whole line."""
    code = line.split("  #")[0].split(" # ")[0]
    return " ".join(code.split()) if not code.startswith("#") else ""
