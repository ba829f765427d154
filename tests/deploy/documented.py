"""The commands that the documents show: in their blocks of code, and within sentences."""

import re

from support import ROOT, run

# What begins a command within a sentence, besides scripts of this project.
PROGRAMS_OF_OTHERS = (
    "aws", "cargo", "docker", "gcloud", "helm", "journalctl", "kubectl", "man", "npm", "ossutil", "pip", "promtool", "python3",
    "rpm", "sqlite3", "ssh", "systemctl", "terraform",
)
OUR_PROGRAMS = ("finder", "flotilla", "worker")


def documents():
    """All documents but the changelog, which names commands of earlier states."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md").split()
    return sorted(path for path in listed if path != "CHANGELOG.md" and (ROOT / path).exists())


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
    return loops([command for command in map(without_comment, lines) if command])


def loops(lines):
    """A loop is one command."""
    commands = []
    for line in lines:
        if commands and commands[-1].startswith("for ") and not commands[-1].endswith("done"):
            commands[-1] += ("; " if not commands[-1].endswith("do") else " ") + line
        else:
            commands.append(line)
    return commands


def without_comment(line):
    """A comment begins after two spaces, or is the whole line."""
    code = line.split("  #")[0].split(" # ")[0]
    return " ".join(code.split()) if not code.startswith("#") else ""


def commands_in_sentences(document):
    """The commands that stand in sentences and tables: code of several words, of which the first one is a program."""
    text = re.sub(r"^ *```.*?^ *```", "", (ROOT / document).read_text(), flags=re.S | re.M)
    found = {" ".join(code.split()).replace("\\|", "|") for code in re.findall(r"`([^`]+)`", text)}
    return sorted(code for code in found if " " in code and is_program(code.split()[0]))


def is_program(word):
    return word in PROGRAMS_OF_OTHERS or word in OUR_PROGRAMS or "/" in word and (ROOT / word).is_file()
