// From a file to pixels: bounded as on the command line, upright, and in the colours that the file holds.

import { statedSize } from "./header.js";
import { Problem } from "./problem.js";

/** ImageData of an image file.  @throws {Problem} it is too large, or no image. */
export async function readPhoto(file, limits) {
  if (file.size > limits.bytes) {
    throw new Problem(`${file.name} has more than ${limits.bytes >> 20} MiB; save the photo smaller.`);
  }
  const size = statedSize(await file.arrayBuffer());
  if (!size) throw new Problem(`${file.name} is not a JPEG, PNG, WebP or BMP image; choose a photo.`);
  if (size.width * size.height > limits.pixels) {
    const millions = limits.pixels / 1e6;
    throw new Problem(`${file.name} has ${size.width} × ${size.height} pixels, more than ${millions} million; save it smaller.`);
  }
  return pixelsOf(await decode(file));
}

async function decode(file) {
  try {
    return await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Problem(`${file.name} is damaged; choose another photo.`);
  }
}

/** ImageData of a bitmap, which is closed; `longestPx` shrinks it. */
export function pixelsOf(bitmap, longestPx = Infinity) {
  const ratio = Math.min(1, longestPx / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * ratio));
  const height = Math.max(1, Math.round(bitmap.height * ratio));
  const context = new OffscreenCanvas(width, height).getContext("2d", { alpha: false });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}
