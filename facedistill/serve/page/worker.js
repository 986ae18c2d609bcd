// Everything that computes, beside the page, so that the page always answers.

import { similarity, warp } from "./align.js";
import { cosine } from "./cosine.js";
import { Detector } from "./detector.js";
import { Network } from "./network.js";
import { pixelsOf, readPhoto } from "./photo.js";
import { Problem } from "./problem.js";

const networks = new Map();
let site, detector;

const orders = {
  async begin(description) {
    site = description;
    if (site.detector) detector = await Detector.open(site.detector);
  },

  /** Opens a model, and runs it once: the first run of WebAssembly is slower than all others. */
  async open(model) {
    const network = await Network.open(model);
    await network.embed(new ImageData(model.input.sizePx, model.input.sizePx));
    networks.set(model.name, network);
  },

  /** {crop: ImageData, width, height, ms?}: the aligned face of a photo. */
  async look(file) {
    const photo = await readPhoto(file, site.limits);
    const { width, height } = photo;
    if (!detector && width !== height) {
      throw new Problem(`${file.name} has ${width} × ${height} pixels, and an aligned crop is square; choose a crop, or start the page with --detector.`);
    }
    if (!detector) return { crop: photo, width, height };
    const start = performance.now();
    const crop = await aligned(photo, file.name);
    return { crop, width, height, ms: performance.now() - start };
  },

  embed({ name, crop }) {
    return networks.get(name).embed(crop);
  },

  /** The least cosine between what PyTorch said of the package's test vectors and what the network says here. */
  async check({ name, inputs, embeddings, width }) {
    const count = embeddings.length / width;
    const values = inputs.length / count;
    let least = 1;
    for (let i = 0; i < count; i++) {
      const { embedding } = await networks.get(name).embedPrepared(inputs.slice(i * values, (i + 1) * values));
      least = Math.min(least, cosine(embedding, embeddings.subarray(i * width, (i + 1) * width)));
    }
    return least;
  },
};

async function aligned(photo, name) {
  const small = pixelsOf(await createImageBitmap(photo), site.detector.sidePx);
  const points = await detector.locate(small, name);
  // Pixel centres have whole numbers before and after.
  const [across, down] = [photo.width / small.width, photo.height / small.height];
  const inPhoto = points.map(([x, y]) => [(x + 0.5) * across - 0.5, (y + 0.5) * down - 0.5]);
  return warp(photo, similarity(inPhoto, site.template), site.cropPx);
}

onmessage = async ({ data: { id, order, given } }) => {
  try {
    postMessage({ id, answer: await orders[order](given) });
  } catch (error) {
    postMessage({ id, problem: error instanceof Problem ? error.message : `The page failed: ${error.message ?? error}` });
  }
};
