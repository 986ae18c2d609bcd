"""From light to a file's pixels: exposure, lens, sensor, compression."""

from statistics import NormalDist

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from .chance import Chance
from .scene import Camera

QUANTILES = np.array([NormalDist().inv_cdf((byte + 0.5) / 256) for byte in range(256)], np.float32)
"""A normal number for every byte: eight random bits a pixel are a tenth of the work of thirty-two."""


def photograph(radiance: Float[np.ndarray, "H W 3"], camera: Camera, sensor: Chance) -> UInt8[np.ndarray, "H W 3"]:
    """Develop, blur, sample, add noise, compress; lengths are at 112 px."""
    unit_px = radiance.shape[0] / 112
    picture = _blur(_expose(radiance, camera), camera, unit_px)
    if camera.coarseness > 1:
        picture = _coarsen(picture, camera.coarseness)
    if camera.grey:
        picture = cv2.transform(picture, np.full((3, 3), 1 / 3, np.float32))
    grain = cv2.LUT(sensor.bytes(picture.shape[:2]), QUANTILES * np.float32(camera.noise))
    pixels = cv2.add(picture, cv2.merge([grain] * 3), dtype=cv2.CV_8U)
    return pixels if camera.jpeg_quality is None else _compress(pixels, camera.jpeg_quality)


def _expose(radiance: np.ndarray, camera: Camera) -> np.ndarray:
    """Exposure, colour and contrast about the middle grey, in one step."""
    gain = np.float32(camera.contrast * camera.exposure) * camera.white_balance
    shift = np.full((3, 1), 128 * (1 - camera.contrast), np.float32)
    return cv2.transform(radiance, np.hstack([np.diag(gain), shift]))


def _blur(picture: np.ndarray, camera: Camera, unit_px: float) -> np.ndarray:
    if camera.blur_px > 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), camera.blur_px * unit_px)
    x, y = (length * unit_px for length in camera.motion_px)
    if max(abs(x), abs(y)) < 0.5:
        return picture
    reach = int(np.ceil(max(abs(x), abs(y)) / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    ends = np.round((np.array([[-x, -y], [x, y]]) / 2 + reach) * 16).astype(int)
    mask = np.zeros(kernel.shape, np.uint8)
    cv2.line(mask, ends[0].tolist(), ends[1].tolist(), 255, 1, cv2.LINE_AA, 4)
    return cv2.filter2D(picture, -1, mask.astype(np.float32) / mask.sum())


def _coarsen(picture: np.ndarray, coarseness: float) -> np.ndarray:
    size = picture.shape[0]
    small = max(8, round(size / coarseness))
    picture = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR)


def _compress(pixels: np.ndarray, quality: int) -> np.ndarray:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.cvtColor(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
