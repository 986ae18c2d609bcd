"""What a recipe holds; every key is checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .errors import UserError
from .signature import Choice, Options, one, validated
from .speed.choices import Speed

STRICT = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class DataRecipe(BaseModel):
    """Which faces, and which views of them."""

    model_config = STRICT

    root: Path | None = None
    """Folder <root>/<identity>/<image>, or a .rec file."""
    drawn: Options | None = None
    """Drawn faces instead: the options of ``DrawnFaces``."""
    unlabelled: tuple[Path, ...] = ()
    """Folders or .rec files whose faces take part in distillation only."""
    validation_identities: int = Field(default=0, ge=0)
    """How many identities to keep out of training and judge by."""
    validation_seed: int = 0
    part: Options | None = None
    """Some of the people only, for a specialist: the options of ``Part``; all where None."""
    views: Options = {}
    """The options of ``Views``."""
    mix: Options | None = None
    """Mixed faces: the options of ``Mix``; none where None."""
    sampler: Choice = {"shuffled": {}}
    """How batches are filled: ``shuffled`` or ``balanced``."""
    workers: int = Field(default=0, ge=0)

    @field_validator("sampler", mode="before")
    @classmethod
    def _choice(cls, value: Any, info: Any) -> Any:
        return dict([one(value, f"data.{info.field_name}")])

    @model_validator(mode="after")
    def _one_source(self) -> "DataRecipe":
        if (self.root is None) == (self.drawn is None):
            raise ValueError("'data' needs either 'root' (a folder <root>/<identity>/<image>) or 'drawn', not both.")
        return self


class TrainingRecipe(BaseModel):
    """How long and how."""

    model_config = STRICT

    epochs: int = Field(default=20, ge=1)
    batch: int = Field(default=128, ge=2)
    clip_norm: float = Field(default=5.0, gt=0)
    """Largest gradient norm; 5 in insightface and AdaDistill."""
    speed: Literal["off", "auto"] | Speed = "off"
    """How a step is computed: ``off``, ``auto`` for a short measurement, or choices such as {precision: bf16}."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decay a step of the averaged weights; 0 keeps none."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    validate_every: int = Field(default=5, ge=1)
    """Epochs between looks at the validation identities."""
    snapshot_every: int = Field(default=0, ge=0)
    """Epochs between copies of the network in ``snapshots/``, for the teacher of that name; 0 keeps none."""
    tensorboard: bool = False
    fsdp: bool = False
    """Whether several processes share the network's weights, gradients and optimiser state (FSDP2)."""
    eight_bits: bool = False
    """Whether the network computes as it will in eight bits, so that it learns to bear the rounding."""

    @model_validator(mode="before")
    @classmethod
    def _beside(cls, values: Any) -> Any:
        """Some choices of ``speed`` may stand beside it, where recipes had them before there was ``speed``."""
        if not isinstance(values, Mapping):
            return values
        beside = {name: values[name] for name in ("precision", "channels_last") if name in values}
        if not beside:
            return values
        speed = values.get("speed") or {}
        if not isinstance(speed, Mapping):
            raise UserError(
                f"'training.{next(iter(beside))}' is one of the choices of training.speed={speed}; leave it out."
            )
        return {**{name: value for name, value in values.items() if name not in beside}, "speed": {**speed, **beside}}

    @field_validator("speed", mode="before")
    @classmethod
    def _speed(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return validated(Speed, value, "training.speed")
        if value is False:  # YAML's off
            return "off"
        if isinstance(value, Speed) or value in ("off", "auto"):
            return value
        raise UserError(f"'training.speed' takes off, auto or choices such as {{precision: bf16}}; it has {value!r}.")


class Recipe(BaseModel):
    """One training run, of a teacher, a plain student or a distilled one."""

    model_config = STRICT

    model: Choice
    """The network that is trained."""
    initial: Path | None = None
    """Run folder or safetensors file whose weights it starts from; random where None."""
    continues: Path | None = None
    """Finished run of the same parts whose network, head, methods and prompts it starts from."""
    head: Choice | None = None
    teacher: Choice | None = None
    method: dict[str, Options] = {}
    weights: dict[str, float] = {}
    """Weight of a term of the loss, 1 where not given."""
    ramp: dict[str, float] = {}
    """Share of training over which a term grows from nothing to its weight."""
    lr_scale: dict[str, float] = {}
    """Learning rate of a part (model, head, teacher, or a method's name) relative to the schedule's."""
    data: DataRecipe
    optimiser: Choice = {"sgd": {}}
    schedule: Choice = {"cosine": {}}
    training: TrainingRecipe = TrainingRecipe()
    out: Path
    seed: int = Field(default=0, ge=0)

    @field_validator("model", "head", "teacher", "optimiser", "schedule", mode="before")
    @classmethod
    def _choice(cls, value: Any, info: Any) -> Any:
        return value if value is None else dict([one(value, info.field_name)])

    @field_validator("method", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        if isinstance(value, dict):
            value = [{name: options} for name, options in value.items()]
        listed = value if isinstance(value, list) else [] if value is None else [value]
        named = [one(choice, "method") for choice in listed]
        twice = next((name for name, _ in named if [each for each, _ in named].count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"Method '{twice}' appears twice in the recipe; name it once, with all its options.")
        return dict(named)
