// A network in onnxruntime-web: WebAssembly on one thread, as a phone's browser runs it too.

import * as ort from "./ort.wasm.bundle.min.mjs";
import { shrink } from "./shrink.js";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", import.meta.url).href };

/** Runs a file of the site; `run` takes and gives tensors by name. */
export async function openSession(url) {
  const answer = await fetch(url);
  return ort.InferenceSession.create(new Uint8Array(await answer.arrayBuffer()), { executionProviders: ["wasm"] });
}

export function tensor(type, values, shape) {
  return new ort.Tensor(type, values, shape);
}

/** A network that embeds faces. */
export class Network {
  static async open(model) {
    return new Network(await openSession(model.url), model);
  }

  constructor(session, model) {
    this.session = session;
    this.model = model;
  }

  /** {embedding of length 1, ms that the network took} of a square image. */
  async embed(image) {
    return this.embedPrepared(this.prepared(shrink(image, this.model.input.sizePx).map(Math.round)));
  }

  /** The same from values as the file takes them. */
  async embedPrepared(values) {
    const { input, output } = this.model;
    const side = input.sizePx;
    const shape = input.channelsLast ? [1, side, side, 3] : [1, 3, side, side];
    const given = tensor(input.bytes ? "uint8" : "float32", values, shape);
    const start = performance.now();
    const answers = await this.session.run({ [input.name]: given }, [output]);
    const ms = performance.now() - start;
    return { embedding: unit(answers[output].data), ms };
  }

  /** Pixels from 0 to 255 in the file's layout, colour order and scale. */
  prepared(pixels) {
    const { input } = this.model;
    const out = input.bytes ? new Uint8Array(pixels.length) : new Float32Array(pixels.length);
    const cells = pixels.length / 3;
    for (let i = 0; i < pixels.length; i++) {
      const [cell, colour] = [Math.floor(i / 3), i % 3];
      const channel = input.order === "bgr" ? 2 - colour : colour;
      const value = (pixels[i] - input.mean[channel % input.mean.length]) / input.std[channel % input.std.length];
      out[input.channelsLast ? 3 * cell + channel : channel * cells + cell] = value;
    }
    return out;
  }
}

function unit(values) {
  const length = Math.hypot(...values) || 1;
  return Float32Array.from(values, (value) => value / length);
}
