// YuNet, a small face detector with five points (Wu, Peng, Yu 2023, Machine Intelligence Research 20, 656-665).

import { openSession, tensor } from "./network.js";
import { Problem } from "./problem.js";

const STRIDES = [8, 16, 32];

export class Detector {
  static async open(settings) {
    return new Detector(await openSession(settings.url), settings);
  }

  constructor(session, settings) {
    this.session = session;
    this.settings = settings;
  }

  /** The five points of the only face in ImageData of at most `sidePx`, in its pixels.  @throws {Problem} */
  async locate(image, name) {
    const { sidePx, leastFacePx } = this.settings;
    const values = blueFirst(image, sidePx);
    const answers = await this.session.run({ [this.session.inputNames[0]]: tensor("float32", values, [1, 3, sidePx, sidePx]) });
    const faces = this.best(STRIDES.flatMap((stride) => this.decoded(answers, stride)));
    const large = faces.filter(({ box }) => Math.min(box[2], box[3]) >= leastFacePx);
    if (!faces.length) throw new Problem(`${name}: no face was found; choose a photo of one person.`);
    if (!large.length) throw new Problem(`${name}: only faces smaller than ${leastFacePx} px were found; choose a larger photo.`);
    if (large.length > 1) throw new Problem(`${name}: it shows ${large.length} faces; choose a photo of one person.`);
    return large[0].points;
  }

  /** Faces of one grid: offsets are in cells, sides in logarithms of cells, and the score is a geometric mean. */
  decoded(answers, stride) {
    const [cls, obj, bbox, kps] = ["cls", "obj", "bbox", "kps"].map((part) => answers[`${part}_${stride}`].data);
    const cells = this.settings.sidePx / stride;
    const found = [];
    for (let i = 0; i < cells * cells; i++) {
      const score = Math.sqrt(share(cls[i]) * share(obj[i]));
      if (score < this.settings.leastScore) continue;
      const [column, row] = [i % cells, Math.floor(i / cells)];
      const [width, height] = [2, 3].map((k) => stride * Math.exp(bbox[4 * i + k]));
      const [x, y] = [stride * (column + bbox[4 * i]) - width / 2, stride * (row + bbox[4 * i + 1]) - height / 2];
      const points = [0, 1, 2, 3, 4].map((k) => [stride * (column + kps[10 * i + 2 * k]), stride * (row + kps[10 * i + 2 * k + 1])]);
      found.push({ score, box: [x, y, width, height], points });
    }
    return found;
  }

  /** Of boxes that overlap only the best. */
  best(faces) {
    const kept = [];
    for (const face of faces.sort((a, b) => b.score - a.score)) {
      if (kept.every((other) => overlap(face.box, other.box) <= this.settings.overlap)) kept.push(face);
    }
    return kept;
  }
}

function share(value) {
  return Math.min(1, Math.max(0, value));
}

/** Intersection over union. */
function overlap([x, y, width, height], [u, v, otherWidth, otherHeight]) {
  const across = Math.min(x + width, u + otherWidth) - Math.max(x, u);
  const down = Math.min(y + height, v + otherHeight) - Math.max(y, v);
  const shared = Math.max(0, across) * Math.max(0, down);
  return shared / (width * height + otherWidth * otherHeight - shared);
}

/** The image in the upper left corner of a black square, as planes, blue first. */
function blueFirst({ data, width, height }, sidePx) {
  const planes = new Float32Array(3 * sidePx * sidePx);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      for (let channel = 0; channel < 3; channel++) {
        planes[(channel * sidePx + row) * sidePx + column] = data[4 * (row * width + column) + 2 - channel];
      }
    }
  }
  return planes;
}
