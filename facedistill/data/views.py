"""Views: random augmentations of a crop, as a function of (seed, sample, view number) alone.

Teacher and student are given the same view, and a stored answer can name the view it belongs to.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import NamedTuple

import cv2
import numpy as np

from ..errors import UserError
from .chance import Purpose, draws
from .codec import decode
from .degraded import Image, at_resolution

Range = tuple[float, float]

_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # luma of red, green, blue, ITU-R BT.601
_LEVELS = np.linspace(0.0, 1.0, 256, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Views:
    """How far views stray from the crop. Lengths are pixels of a crop of 112 and grow with the crop.

    A single strength s means a value drawn evenly from -s..s, a pair its range, a probability the share of views
    that get the effect. Zero switches an effect off. The defaults are mild: a face stays recognisable to its teacher.

    Raises:
        UserError: a probability outside 0..1, a negative strength, or a range upside down.
    """

    mirror: float = 0.5
    """Probability of a left-right flip."""
    rotate_deg: float = 8.0
    shift_px: float = 6.0
    """Each of right and down."""
    scale: Range = (0.85, 1.1)
    """Factor on the face's size."""
    brightness: float = 0.3
    """Gain 1 ± this."""
    contrast: float = 0.0
    """Gain about mid-grey, 1 ± this."""
    gamma: float = 0.0
    """Exponent e^(± this)."""
    saturation: float = 0.0
    """Distance from grey, 1 ± this."""
    colour: float = 0.0
    """Gain of red, green and blue each, 1 ± this."""
    grey: float = 0.1
    """Probability of losing all colour."""
    occlusion: float = 0.0
    """Probability of an even rectangle over the face."""
    occlusion_share: Range = (0.02, 0.2)
    """Its share of the area."""
    blur: float = 0.0
    """Probability of a Gaussian blur."""
    blur_sigma_px: Range = (0.5, 1.5)
    low_resolution: float = 0.2
    """Probability of being shrunk and enlarged again."""
    low_resolution_px: Range = (28.0, 84.0)
    """Side of the shrunken crop."""
    jpeg: float = 0.0
    """Probability of another JPEG compression."""
    jpeg_quality: Range = (30.0, 90.0)

    def __post_init__(self) -> None:
        for field in fields(self):
            value = vars(self)[field.name]
            low, high = value if isinstance(value, tuple) else (0.0, value)
            if not (0 <= low <= high < math.inf) or (field.name in _PROBABILITIES and high > 1):
                wanted = "a probability from 0 to 1" if field.name in _PROBABILITIES else "not negative, smallest first"
                raise UserError(f"views.{field.name} is {value}; it must be {wanted}.")

    @classmethod
    def none(cls) -> "Views":
        """Every view is the crop itself."""
        return cls(
            mirror=0.0, rotate_deg=0.0, shift_px=0.0, scale=(1.0, 1.0), brightness=0.0, grey=0.0, low_resolution=0.0
        )

    @classmethod
    def mirror_only(cls) -> "Views":
        """What most published recognisers were trained with."""
        return cls(rotate_deg=0.0, shift_px=0.0, scale=(1.0, 1.0), brightness=0.0, grey=0.0, low_resolution=0.0)


_PROBABILITIES = frozenset({"mirror", "grey", "occlusion", "blur", "low_resolution", "jpeg"})


def view(image: Image, views: Views, *, seed: int, index: int, number: int) -> Image:
    """View ``number`` of the sample ``index``: a crop of the same size, or the very same crop where nothing changes."""
    drawn = Draws(*draws(len(Draws._fields), Purpose.VIEW, seed, index, number).tolist())
    for step in _STEPS:
        image = step(image, views, drawn)
    return image


class Draws(NamedTuple):
    """Numbers from 0 to 1 behind a view, always all of them: to switch one effect on leaves the others as they are.

    New ones go to the end, for the same reason.
    """

    mirror: float
    rotate: float
    right: float
    down: float
    scale: float
    brightness: float
    contrast: float
    gamma: float
    saturation: float
    red: float
    green: float
    blue: float
    grey: float
    occlusion: float
    occlusion_share: float
    occlusion_aspect: float
    occlusion_left: float
    occlusion_top: float
    occlusion_level: float
    blur: float
    blur_sigma: float
    low_resolution: float
    low_resolution_side: float
    jpeg: float
    jpeg_quality: float


def _mirror(image: Image, views: Views, drawn: Draws) -> Image:
    return cv2.flip(image, 1) if drawn.mirror < views.mirror else image


def _affine(image: Image, views: Views, drawn: Draws) -> Image:
    """Turns and scales about the centre, then shifts; what enters at the edges is the crop reflected."""
    angle_deg, scale = _around(views.rotate_deg, drawn.rotate), _within(views.scale, drawn.scale)
    shift_px = views.shift_px * _unit(image)
    right_px, down_px = _around(shift_px, drawn.right), _around(shift_px, drawn.down)
    if angle_deg == right_px == down_px == 0 and scale == 1:
        return image
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, scale)
    matrix[0, 2] += right_px
    matrix[1, 2] += down_px
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _colour(image: Image, views: Views, drawn: Draws) -> Image:
    """One 3 x 3 matrix: a gain for each of red, green and blue, then towards grey."""
    kept = 0.0 if drawn.grey < views.grey else 1 + _around(views.saturation, drawn.saturation)
    gains = [1 + _around(views.colour, gain) for gain in (drawn.red, drawn.green, drawn.blue)]
    if kept == 1 and gains == [1, 1, 1]:
        return image
    matrix = kept * np.eye(3, dtype=np.float32) + (1 - kept) * _GREY
    return cv2.transform(image, matrix * np.array(gains, dtype=np.float32))


def _light(image: Image, views: Views, drawn: Draws) -> Image:
    """One table of 256 levels: gamma, contrast, brightness."""
    gamma = math.exp(_around(views.gamma, drawn.gamma))
    contrast = 1 + _around(views.contrast, drawn.contrast)
    gain = 1 + _around(views.brightness, drawn.brightness)
    if gamma == contrast == gain == 1:
        return image
    levels = gain * (0.5 + contrast * (_LEVELS**gamma - 0.5))
    return cv2.LUT(image, (levels.clip(0, 1) * 255).round().astype(np.uint8))


def _occlusion(image: Image, views: Views, drawn: Draws) -> Image:
    if drawn.occlusion >= views.occlusion:
        return image
    height, width = image.shape[:2]
    area = _within(views.occlusion_share, drawn.occlusion_share) * height * width
    aspect = 2 ** _around(1.0, drawn.occlusion_aspect)  # from twice as high as wide to twice as wide as high
    right = min(width, round(math.sqrt(area * aspect)))
    down = min(height, round(math.sqrt(area / aspect)))
    left, top = round(drawn.occlusion_left * (width - right)), round(drawn.occlusion_top * (height - down))
    image = image.copy()
    image[top : top + down, left : left + right] = round(drawn.occlusion_level * 255)
    return image


def _blur(image: Image, views: Views, drawn: Draws) -> Image:
    sigma_px = _within(views.blur_sigma_px, drawn.blur_sigma) * _unit(image)
    if drawn.blur >= views.blur or sigma_px == 0:
        return image
    return cv2.GaussianBlur(image, (0, 0), sigma_px)


def _low_resolution(image: Image, views: Views, drawn: Draws) -> Image:
    if drawn.low_resolution >= views.low_resolution:
        return image
    return at_resolution(image, min(1.0, _within(views.low_resolution_px, drawn.low_resolution_side) / 112))


def _jpeg(image: Image, views: Views, drawn: Draws) -> Image:
    if drawn.jpeg >= views.jpeg:
        return image
    quality = round(_within(views.jpeg_quality, drawn.jpeg_quality))
    # The codec thinks in BGR; colour must be turned for its chroma to be subsampled as in a real file.
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, quality))
    return decode(data.tobytes())


_STEPS: tuple[Callable[[Image, Views, Draws], Image], ...] = (
    _mirror,
    _affine,
    _colour,
    _light,
    _occlusion,
    _blur,
    _low_resolution,
    _jpeg,
)


def _unit(image: Image) -> float:
    """Pixels of this crop in a pixel of a crop of 112."""
    return min(image.shape[:2]) / 112


def _around(strength: float, draw: float) -> float:
    return strength * (2 * draw - 1)


def _within(bounds: Range, draw: float) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * draw
