// The package's test vectors: drawn faces, and what the PyTorch student says of them.

/** Pairs of crops to try, and what a network is checked with. */
export async function drawnFaces({ inputs, embeddings, width, sidePx, perPerson }) {
  const [bytes, floats] = await Promise.all([inputs, embeddings].map(async (url) => (await fetch(url)).arrayBuffer()));
  const pixels = new Uint8Array(bytes);
  const crop = (i) => picture(pixels.subarray(i * 3 * sidePx ** 2, (i + 1) * 3 * sidePx ** 2), sidePx);
  return {
    check: { inputs: pixels, embeddings: new Float32Array(floats), width },
    onePerson: [crop(0), crop(1)],
    twoPeople: [crop(0), crop(perPerson)],
  };
}

function picture(rgb, sidePx) {
  const image = new ImageData(sidePx, sidePx);
  for (let cell = 0; cell < sidePx ** 2; cell++) {
    image.data.set([...rgb.subarray(3 * cell, 3 * cell + 3), 255], 4 * cell);
  }
  return image;
}
