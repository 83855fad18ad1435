"""What a rule finds."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Broken:
    """One row that breaks one rule. `row` names it as `table:id`, or as what stands in its place."""

    rule: str
    row: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.row}: {self.detail}"

    def as_json(self) -> dict[str, str]:
        """The same as a JSON object."""
        return asdict(self)
