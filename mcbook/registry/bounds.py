"""Hard bounds of parameters."""

from mcbook.registry.model import Parameter


def violation(parameter: Parameter, value: float) -> str | None:
    """Say how *value* violates the hard bounds of *parameter*; None when it does not."""
    broken = None
    if parameter.minimum is not None and value < parameter.minimum:
        broken = f"at least {parameter.minimum:g}"
    elif parameter.above is not None and value <= parameter.above:
        broken = f"above {parameter.above:g}"
    elif parameter.maximum is not None and value > parameter.maximum:
        broken = f"at most {parameter.maximum:g}"
    elif parameter.below is not None and value >= parameter.below:
        broken = f"below {parameter.below:g}"
    if broken is None:
        return None
    unit = "" if parameter.unit == "1" else f" {parameter.unit}"
    return f"{parameter.name} = {value:g} is outside its hard bounds: it must be {broken}{unit}"
