"""From a recipe to everything a run needs, built and ready; nothing is written here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .. import dist
from ..backbones.contract import AbstractBackbone
from ..data.loader import Loader, in_order
from ..data.shown import Shown
from ..device import choose_device
from ..errors import UserError
from ..recipe import Recipe, TrainingRecipe
from ..shards import shares_in
from ..signature import Choice, build, call, one
from ..speed.choices import Speed
from ..speed.choose import Chosen, choose_speed
from ..speed.computing import compile_network, hasten, lay_out
from ..types import UNLABELLED, Batch, Terms
from .allocator import keep_freed_memory
from .assemble import TABLES, Sets, build_objective, load_faces, resolve, shown_in
from .loop import on_device
from .objective import Objective, Weights
from .optim import parameter_groups
from .resume import kept_speed, share
from .rows import RowSteps
from .state import Learners
from .step import Step

Load = Callable[[Recipe], Sets]


@dataclass(frozen=True)
class Run:
    """Everything a recipe stands for, built and ready."""

    recipe: Recipe
    sets: Sets
    loader: Loader
    objective: Objective
    learners: Learners
    step: Step
    processes: int
    """How many the recipe's batch is meant for; others may share a whole batch of theirs now."""
    chosen: Chosen
    """How its steps are computed."""

    @property
    def setting(self) -> dict[str, int]:
        """What decides which samples a step sees, beside the recipe."""
        faces = self.sets.training
        return {"processes": self.processes, "faces": len(faces), "identities": len(self.sets.labelled.identities)}

    @property
    def model(self) -> AbstractBackbone:
        """The network to judge and to keep: the averaged one where there is one. Every process must call it."""
        averaged, own = self.learners.averaged, self.objective.model
        if self.recipe.training.fsdp and dist.world() > 1:
            return self._put_together()
        return own if averaged is None else cast(AbstractBackbone, averaged.module)

    def _put_together(self) -> AbstractBackbone:
        """A copy of the network with all of its weights."""
        whole = {name: dist.put_together(tensor) for name, tensor in self.objective.model.state_dict().items()}
        copy: AbstractBackbone = build("backbones", AbstractBackbone, self.recipe.model)
        copy.load_state_dict(whole)
        return copy.to(self.step.device)


def prepare(recipe: Recipe, load: Load = load_faces, processes: int | None = None) -> Run:
    """Build data, networks and optimiser; nothing is written.

    Args:
        processes: how many a run began with that is to go on; as many as there are where None.

    Raises:
        UserError: anything about the recipe, the data or the weights that cannot work.
    """
    recipe = resolve(recipe)
    keep_freed_memory()
    device = dist.local_device(choose_device(recipe.training.device))
    torch.manual_seed(recipe.seed)
    sets = load(recipe)
    shown = shown_in(recipe, sets.training)
    objective = build_objective(recipe, sets.labelled, device, shown)
    processes = processes or dist.world()
    loader = _loader(recipe, shown, processes)
    batch = share(recipe.training.batch, processes, dist.world())
    chosen = _speed(recipe, objective, batch, recipe.training.epochs * len(loader), device)
    learners, step = _learners(recipe, objective, loader, device, chosen.speed)
    run = Run(recipe, sets, loader, objective, learners, step, processes, chosen)
    _rehearse(run)
    compile_network(objective.model, chosen.speed.compile)
    hasten(objective.teacher, chosen.speed.teacher)
    return run


def _speed(recipe: Recipe, objective: Objective, batch: int, steps: int, device: torch.device) -> Chosen:
    """The recipe's; where that is ``auto``, the one that the run began with, or else what is measured now."""
    wanted = recipe.training.speed
    if isinstance(wanted, Speed):
        return Chosen(wanted)
    if wanted == "off":
        return Chosen(Speed())
    kept = kept_speed(recipe.out)
    if kept is not None:
        return Chosen(kept, f"speed: {kept.words} (as the run began)")
    return choose_speed(objective.model, objective.teacher, batch, steps, device)


def _loader(recipe: Recipe, shown: Shown, processes: int) -> Loader:
    return Loader(
        shown.faces,
        shown.views,
        batch=share(recipe.training.batch, processes, dist.world()),
        seed=shown.seed,
        workers=recipe.data.workers,
        mix=shown.mix,
        order=_chosen("data.sampler", recipe.data.sampler),
        rank=dist.rank(),
        world=dist.world(),
    )


def _learners(
    recipe: Recipe, objective: Objective, loader: Loader, device: torch.device, speed: Speed
) -> tuple[Learners, Step]:
    training, model = recipe.training, objective.model
    lay_out(model, speed)
    averaged = _averaged(model, training)
    spread = training.fsdp and dist.world() > 1
    if spread:
        dist.spread(model)
    apart = _apart(objective, spread)
    optimiser = _optimiser(recipe, objective, speed)
    steps = training.epochs * len(loader)
    step = Step(
        objective=dist.shared(objective, apart),
        weights=Weights(recipe.weights, recipe.ramp),
        optimiser=optimiser,
        schedule=_chosen("schedule", recipe.schedule, steps=steps, epochs=training.epochs),
        steps=steps,
        clip_norm=training.clip_norm,
        device=device,
        speed=speed,
        apart=frozenset(weight for name, weight in objective.named_parameters() if name in apart),
    )
    if averaged is not None:
        step = replace(step, after=partial(averaged.update_parameters, model))
    return Learners(objective, optimiser, averaged), step


def _averaged(model: AbstractBackbone, training: TrainingRecipe) -> AveragedModel | None:
    """The moving average of the network's weights, where the recipe asks for one.

    Raises:
        UserError: the weights are sharded.
    """
    if not training.ema_decay:
        return None
    if training.fsdp:
        raise UserError("training.ema_decay keeps all of the network, which training.fsdp does not; use one of them.")
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(training.ema_decay), use_buffers=True)


def _optimiser(recipe: Recipe, objective: Objective, speed: Speed) -> Optimizer:
    groups = parameter_groups(objective.parts(), recipe.lr_scale)
    optimiser: Optimizer = _chosen("optimiser", recipe.optimiser, groups=groups, fused=speed.fused)
    RowSteps(optimiser)
    return optimiser


def _apart(objective: Objective, spread: bool) -> set[str]:
    """Names of the tensors of which each process holds another part."""
    network = [f"model.{name}" for name, _ in objective.model.named_parameters()] if spread else []
    return {*shares_in(objective), *network}


def _chosen(key: str, choice: Choice, **context: Any) -> Any:
    name, options = one(choice, key)
    return call(TABLES[key][name], options, where=name, **context)


def _rehearse(run: Run) -> None:
    """One forward pass over two faces, so that what does not fit is said before anything is written."""
    images, batch = next(iter(in_order(run.sets.training, batch=2)))
    run.objective.eval()
    terms = _terms(run, images, batch)
    run.step.weights.check(terms)
    mix = run.recipe.data.mix
    if mix is not None and mix["share"] >= 1:
        _refuse_idle(terms, _terms(run, images, replace(batch, labels=torch.full_like(batch.labels, UNLABELLED))))


def _terms(run: Run, images: Tensor, batch: Batch) -> Terms:
    device = run.step.device
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        terms: Terms = run.objective(images.to(device), on_device(batch, device, 0.0))
    return terms


def _refuse_idle(terms: Terms, unlabelled: Terms) -> None:
    """Refuse what learns from labels only, where no face keeps one."""
    idle = [name for name, term in terms.items() if bool(term != 0) and bool(unlabelled[name] == 0)]
    if idle:
        raise UserError(
            f"With data.mix.share=1 no face keeps its label, without which {', '.join(idle)} would learn nothing; mix "
            "a smaller share."
        )
