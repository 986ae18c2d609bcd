"""Drawn faces: identity-labelled crops that the project renders itself, for demo, tests and pictures.

Nobody is shown. Every identity is a 3-D head and its albedo, drawn from a low-dimensional code; every crop is one
picture of it under its own pose, light, expression, occlusion and camera, aligned like a detected face.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from ..errors import UserError
from .contract import AbstractFaces
from .drawn.backdrop import paint_backdrop
from .drawn.camera import photograph
from .drawn.chance import Chance
from .drawn.features import paint_features
from .drawn.hair import hair_map, paint_hair
from .drawn.lighting import shade
from .drawn.person import Person, draw_person
from .drawn.places import landmark_points
from .drawn.rays import cast, rotation
from .drawn.scene import Scene, draw_scene
from .drawn.shape import points_on, radius_map
from .drawn.skin import paint_skin
from .drawn.surface import look_up
from .drawn.worn import paint_worn
from .template import similarity, template_px

SENSOR_STREAM = 3


class DrawnFaces(AbstractFaces):
    """Rendered identities, ``images_per_identity`` crops each, one identity after the other.

    A crop is a function of (seed, identity, its number within the identity), so that a person looks the same in a
    smaller or larger set; another seed shows other people. Threads, processes and order make no difference.
    """

    def __init__(
        self,
        *,
        identities: int,
        images_per_identity: int,
        seed: int = 0,
        size_px: int = 112,
        hardness: float = 1.0,
    ) -> None:
        """``hardness`` scales all nuisance: at 0 every crop of a person is the same frontal portrait.

        Raises:
            UserError: a number is out of range.
        """
        _at_least("identities", identities, 1)
        _at_least("images_per_identity", images_per_identity, 1)
        _at_least("seed", seed, 0)
        _at_least("size_px", size_px, 16)
        _at_least("hardness", hardness, 0)
        _keep_pages()
        self.identities = tuple(f"drawn{seed}_{identity:05d}" for identity in range(identities))
        self.labels = np.repeat(np.arange(identities, dtype=np.int64), images_per_identity)
        self.images_per_identity, self.seed, self.size_px, self.hardness = images_per_identity, seed, size_px, hardness

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        view = self._view(index)
        sensor = Chance(self.seed, SENSOR_STREAM, *self._key(index))
        return photograph(render(view, self.size_px), view.scene.camera, sensor)

    def name(self, index: int) -> str:
        identity, picture = self._key(index)
        return f"{self.identities[identity]}/{picture:04d}"

    def landmarks_px(self, index: int) -> Float[np.ndarray, "5 2"]:
        """Exact, occluded or not; the crop was aligned with a detector's error that they do not share."""
        return self._view(index).landmarks_px

    def _key(self, index: int) -> tuple[int, int]:
        """Identity and number within it."""
        identity, picture = divmod(range(len(self))[index], self.images_per_identity)
        return identity, picture

    def _view(self, index: int) -> "View":
        identity, picture = self._key(index)
        person = draw_person(self.seed, identity)
        return see(person, draw_scene(self.seed, identity, picture, self.hardness), self.size_px)


@dataclass(frozen=True)
class View:
    """A person in a scene, aligned to a crop."""

    person: Person
    scene: Scene
    hair: Float[np.ndarray, "R U"]
    radius: Float[np.ndarray, "v u"]
    turn: Float[np.ndarray, "3 3"]
    to_crop: Float[np.ndarray, "2 3"]
    """Similarity from the camera's plane."""
    landmarks_px: Float[np.ndarray, "5 2"]


def see(person: Person, scene: Scene, size_px: int) -> View:
    """Shape the head, turn it, and align it by its five landmarks as a detector would find them."""
    hair = hair_map(person, scene.dress)
    radius = radius_map(person, scene.expression, hair)
    turn = rotation(scene.pose)
    points = points_on(radius, landmark_points(person, scene.expression)) @ turn[:2].T
    to_crop = similarity(points + scene.pose.jitter_px, template_px(size_px))
    return View(person, scene, hair, radius, turn, to_crop, points @ to_crop[:, :2].T + to_crop[:, 2])


def render(view: View, size_px: int) -> Float[np.ndarray, "H W 3"]:
    """Radiance of a crop in grey levels: the head before its backdrop, and what is before the head."""
    person, scene = view.person, view.scene
    surface = paint_skin(person, scene)
    paint_features(surface, person, scene.expression, scene.dress)
    paint_hair(surface, person, view.hair)
    paint_worn(surface, person, scene.dress)
    hits = cast(view.radius, view.turn, view.to_crop, size_px)
    albedo = look_up(surface, hits.texels)
    behind = paint_backdrop(person, scene, view.to_crop, size_px)
    crop = cv2.blendLinear(shade(albedo, hits.depth, scene.light), behind, hits.coverage, 1 - hits.coverage)
    return crop if scene.dress.patch is None else _obstruct(crop, scene)


def _obstruct(crop: np.ndarray, scene: Scene) -> np.ndarray:
    """Something soft-edged before the face."""
    mask = np.zeros(crop.shape[:2], np.uint8)
    corners = np.round(scene.dress.patch * (crop.shape[0] / 112) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, 4)
    share = cv2.GaussianBlur(mask, (0, 0), 1.0).astype(np.float32)[..., None] / 255
    return crop + share * (scene.dress.patch_rgb * (scene.light.ambient + 0.5 * scene.light.key) - crop)


def _keep_pages() -> None:
    """Let glibc keep what a picture frees for the next one, which otherwise takes a tenth longer.

    It gives back what exceeds twice the largest block it has seen freed. This one is never touched.
    """
    np.empty(16 << 20, np.uint8)


def _at_least(name: str, value: int | float, least: int) -> None:
    if not value >= least:
        raise UserError(f"Drawn faces need {name} >= {least}, not {value}; change it in the recipe.")
