"""How one picture came about: everything in it that is not the person."""

from dataclasses import dataclass

import numpy as np

from .chance import Chance, within

SCENE_STREAM = 2
LARGEST_YAW_RAD, LARGEST_PITCH_RAD = np.deg2rad(60), np.deg2rad(35)


@dataclass(frozen=True)
class Expression:
    """Strengths from 0 (neutral) to 1, ``smile`` and ``brows`` from -1."""

    smile: float
    mouth_open: float
    teeth: float
    brows: float
    eyes_shut: float
    gaze: tuple[float, float]
    """Of the iris, in px right and down."""


@dataclass(frozen=True)
class Pose:
    """Turn of the head; positive yaw moves the nose right in the image, positive pitch up, positive roll clockwise."""

    yaw_rad: float
    pitch_rad: float
    roll_rad: float
    jitter_px: np.ndarray
    """5 x 2 error of the landmark detector, at 112 px."""


@dataclass(frozen=True)
class Light:
    """One lamp, and light from everywhere."""

    direction: np.ndarray
    """Unit vector towards the lamp (x right, y down, z to the viewer)."""
    key: np.ndarray
    """RGB strength of the lamp."""
    ambient: np.ndarray
    """RGB strength of the light from everywhere."""
    gloss: float
    shadow: float


@dataclass(frozen=True)
class Dress:
    """What people change from day to day and what gets in the way."""

    glasses: float
    """Darkness of the lenses; negative without glasses."""
    glasses_shape: tuple[float, float, float]
    """Half width, half height in px and roundness of a lens."""
    mask_rgb: np.ndarray | None
    """Colour of a cloth over nose and mouth."""
    fringe_px: float
    """How much lower the hair hangs today; negative is combed back."""
    parting_px: float
    stubble: float
    """Added to the beard; negative is a shave."""
    lipstick: float
    tan: np.ndarray
    """RGB factor of the skin today."""
    cloth_rgb: np.ndarray
    patch: np.ndarray | None
    """24 x 2 corners in crop px of something before the face, such as a hand or a scarf."""
    patch_rgb: np.ndarray


@dataclass(frozen=True)
class Camera:
    """From light to file."""

    exposure: float
    contrast: float
    white_balance: np.ndarray
    grey: bool
    blur_px: float
    motion_px: tuple[float, float]
    coarseness: float
    """Side of a true pixel in crop pixels, at least 1."""
    noise: float
    """Standard deviation in grey levels."""
    jpeg_quality: int | None


@dataclass(frozen=True)
class Scene:
    """Everything that differs between two pictures of one person."""

    expression: Expression
    pose: Pose
    light: Light
    dress: Dress
    camera: Camera
    backdrop: np.ndarray
    """4 x 4 x 3 coarse colours behind the head, 0..255."""


def draw_scene(seed: int, identity: int, picture: int, hardness: float) -> Scene:
    """Nuisance of one picture. ``hardness`` scales all of it: 0 is frontal, neutral and evenly lit, 1 the default."""
    chance = Chance(seed, SCENE_STREAM, identity, picture)
    return Scene(
        expression=_expression(chance, hardness),
        pose=_pose(chance, hardness),
        light=_light(chance, hardness),
        camera=_camera(chance, hardness),
        backdrop=_backdrop(chance, hardness),
        dress=_dress(chance, hardness),
    )


def _expression(chance: Chance, hardness: float) -> Expression:
    mouth_open = chance.around(-0.25, 0.5)
    blink = chance.happens(0.06 * hardness)
    return Expression(
        smile=within(hardness * chance.around(0.25, 0.5), -0.6, 1),
        mouth_open=min(max(hardness * mouth_open, 0.0), 1.0),
        teeth=chance.between(0, 1),
        brows=within(hardness * chance.around(0, 0.5), -1, 1),
        eyes_shut=1.0 if blink else within(hardness * chance.around(0, 0.25), -0.3, 0.8),
        gaze=(hardness * chance.around(0, 1.0), hardness * chance.around(0, 0.4)),
    )


def _pose(chance: Chance, hardness: float) -> Pose:
    yaw_rad = hardness * chance.around(0, np.deg2rad(22))
    pitch_rad = hardness * chance.around(0, np.deg2rad(9))
    return Pose(
        yaw_rad=within(yaw_rad, -LARGEST_YAW_RAD, LARGEST_YAW_RAD),
        pitch_rad=within(pitch_rad, -LARGEST_PITCH_RAD, LARGEST_PITCH_RAD),
        roll_rad=hardness * chance.around(0, np.deg2rad(8)),
        jitter_px=hardness * np.clip(chance.generator.standard_normal((5, 2)), -2, 2),
    )


def _light(chance: Chance, hardness: float) -> Light:
    azimuth_rad = hardness * chance.around(0, np.deg2rad(45))
    elevation_rad = np.deg2rad(20) + hardness * chance.around(0, np.deg2rad(22))
    flat = np.cos(elevation_rad)
    direction = np.array([flat * np.sin(azimuth_rad), -np.sin(elevation_rad), flat * np.cos(azimuth_rad)])
    key = within(0.62 + hardness * chance.around(0, 0.16), 0.1, 1.2)
    ambient = within(0.45 + hardness * chance.around(0, 0.12), 0.15, 0.9)
    return Light(
        direction=direction.astype(np.float32),
        key=(key * (1 + hardness * chance.colour(-0.06, 0.06))).astype(np.float32),
        ambient=(ambient * (1 + hardness * chance.colour(-0.06, 0.06))).astype(np.float32),
        gloss=0.08 + hardness * chance.between(0, 0.12),
        shadow=min(1.0, hardness * chance.between(0.2, 0.9)),
    )


def _dress(chance: Chance, hardness: float) -> Dress:
    has_glasses, dark_lens = chance.happens(0.16 * hardness), chance.happens(0.25)
    lens = chance.between(0.75, 0.95) if dark_lens else chance.between(0, 0.12)
    masked, patched = chance.happens(0.04 * hardness), chance.happens(0.14 * hardness)
    mask_rgb = chance.colour(60, 240)
    return Dress(
        glasses=lens if has_glasses else -1.0,
        glasses_shape=(chance.between(10.5, 13.5), chance.between(6.5, 10.5), chance.between(0, 1)),
        mask_rgb=mask_rgb if masked else None,
        fringe_px=hardness * chance.around(0, 4),
        parting_px=hardness * chance.around(0, 8),
        stubble=hardness * chance.around(0, 0.2),
        lipstick=hardness * max(0.0, chance.around(-0.3, 0.4)),
        tan=(1 + hardness * chance.colour(-0.04, 0.04)).astype(np.float32),
        cloth_rgb=110 + hardness * chance.colour(-90, 110),
        patch_rgb=chance.between(60, 200) + chance.colour(-35, 35),
        patch=_patch(chance) if patched else None,
    )


def _patch(chance: Chance) -> np.ndarray:
    """An uneven blob that reaches in from the crop's rim."""
    angle_rad = chance.between(0, 2 * np.pi)
    centre = 56 + chance.between(46, 64) * np.array([np.cos(angle_rad), np.sin(angle_rad)])
    around_rad = np.arange(24) * (2 * np.pi / 24)
    bulges = sum(chance.between(0, 5) * np.cos(turns * around_rad + chance.between(0, 6)) for turns in (2, 3, 5))
    radius = chance.between(20, 30) + bulges
    return centre + radius[:, None] * np.stack([np.cos(around_rad), np.sin(around_rad)], 1)


def _camera(chance: Chance, hardness: float) -> Camera:
    coarse, moved, motion_rad = chance.happens(0.3), chance.happens(0.15), chance.between(0, np.pi)
    coarseness, motion_px = chance.between(0.2, 1.8), hardness * chance.between(1, 4)
    return Camera(
        exposure=float(np.exp(hardness * chance.around(0, 0.18))),
        contrast=1 + hardness * chance.around(0, 0.1),
        white_balance=(1 + hardness * chance.colour(-0.05, 0.05)).astype(np.float32),
        grey=chance.happens(0.05 * hardness),
        blur_px=max(0.0, hardness * chance.around(0.35, 0.45)),
        motion_px=(motion_px * np.cos(motion_rad), motion_px * np.sin(motion_rad)) if moved else (0.0, 0.0),
        coarseness=1 + hardness * coarseness if coarse else 1.0,
        noise=max(0.0, hardness * chance.around(3.5, 2.5)),
        jpeg_quality=int(within(100 - hardness * chance.between(5, 75), 15, 100)) if hardness > 0 else None,
    )


def _backdrop(chance: Chance, hardness: float) -> np.ndarray:
    """One colour, more uneven and more various the harder."""
    level = 128 + hardness * (chance.colour(-25, 25) + chance.between(-70, 70))
    uneven = chance.generator.uniform(-45, 45, (4, 4, 1)) + chance.generator.uniform(-15, 15, (4, 4, 3))
    return np.clip(level + hardness * uneven, 0, 255).astype(np.uint8)
