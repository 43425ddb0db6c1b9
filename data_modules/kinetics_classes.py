"""Classes of Kinetics-400, -600 and -700 under one name each: those of Kinetics-710."""

from pathlib import Path

KINETICS710_CLASSES = 710

# A name of an older version and the name of the same class in the newest: VideoMAE V2's public table.
SYNONYMS = {
    "balloon blowing": "inflating balloons",
    "changing wheel": "changing wheel (not on bike)",
    "cooking sausages": "cooking sausages (not on barbeque)",
    "drinking": "sipping cup",
    "dying hair": "dyeing hair",
    "garbage collecting": "person collecting garbage",
    "hugging": "hugging (not baby)",
    "making bed": "making the bed",
    "opening bottle": "opening bottle (not wine)",
    "passing american football (not in game)": "passing American football (not in game)",
    "picking fruit": "picking apples",
    "skiing (not slalom or crosscountry)": "skiing mono",
    "sniffing": "smelling feet",
    "throwing ball": "throwing ball (not baseball or American football)",
    "tying tie": "tying necktie",
}
# The order's list keeps the older name here.
LISTED_AS = {"throwing ball (not baseball or American football)": "throwing ball"}


def class_of(label: str) -> str:
    """The class of a label of any version, under its name in the order's list."""
    name = SYNONYMS.get(label, label)
    return LISTED_AS.get(name, name)


def public_order() -> list[str]:
    """All 710 classes in label order."""
    lines = Path(__file__).with_name("kinetics710_classes.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]
