"""`naysayer init --node --lang LANGUAGE`: a folder with the kit of a language and a node that runs and can be grown."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from checker.errors import UsageError, unknown_name
from naysayer.report.console import console

KITS = Path(__file__).parents[2] / "targets" / "kits"


@dataclass(frozen=True)
class Language:
    """What a node in a language consists of: the kit's files, its example, the command that compiles it, if any, and
    the command that is its host, with {name} for the example's name."""

    kit: tuple[str, ...]
    example: str
    host: str
    build: str | None = None

    @property
    def name(self) -> str:
        """What the example's program is called."""
        return Path(self.example).stem if Path(self.example).stem != "main" else Path(self.example).parent.name


LANGUAGES = {
    "java": Language(
        ("java/Naysayer.java", "java/NaysayerRuntime.java"),
        "java/Register.java",
        "java -cp build {name}",
        "javac -d build *.java",
    ),
    "python": Language(("python/naysayer_kit.py",), "python/register.py", "python3 {name}.py"),
    "go": Language(
        ("go/go.mod", "go/naysayer/naysayer.go", "go/naysayer/runtime.go"),
        "go/register/main.go",
        "./build/{name}",
        "go build -o build/ ./...",
    ),
    "js": Language(("js/naysayer.js",), "js/register.js", "node {name}.js"),
}


def language(name: str) -> Language:
    """The language of that name. Raises UsageError with the others."""
    if name not in LANGUAGES:
        raise unknown_name("language", name, LANGUAGES)
    return LANGUAGES[name]


def init_node(folder: Path, lang: str) -> int:
    """Write the kit and its example into a folder; a file that is there is never overwritten."""
    chosen = language(lang)
    sources = [KITS / file for file in (*chosen.kit, chosen.example)]
    write(folder, {str(source.relative_to(KITS / lang)): source for source in sources})
    host = chosen.host.format(name=chosen.name)
    next_steps(
        folder,
        chosen,
        "# one node is enough for itself: valid",
        f'naysayer test --host "{host}" --nodes 1 --nemesis none',
        "# with more nodes a hunt finds what is missing",
        f'naysayer hunt --host "{host}"',
    )
    return 0


def write(folder: Path, files: dict[str, Path | str]) -> None:
    """Write files by their names in the folder: copies of others, or texts. Raises UsageError, and then none is
    written, if one is there already."""
    for name in files:
        if (folder / name).exists():
            raise UsageError(f"{folder / name} is there already; name another folder")
    try:
        for name, source in files.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, Path):
                shutil.copyfile(source, place)
            else:
                place.write_text(source, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from error


def next_steps(folder: Path, chosen: Language, *commands: str) -> None:
    """Print what was written, and what to do next."""
    lines = [f"wrote {folder}; next:"]
    lines += [] if folder == Path() else [f"  cd {folder}"]
    lines += [] if chosen.build is None else [f"  {chosen.build}"]
    lines += [f"  {command}" for command in commands]
    kit = next(Path(file) for file in chosen.kit if not file.endswith(".mod"))
    lines += [f"What a node can do is in {kit.relative_to(kit.parts[0])}."]
    console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
