// A square image at a network's size: bilinear with antialiasing, as students are trained and `verify` does it.

/** Float32Array of S S 3 values from 0 to 255, red first. */
export function shrink(image, sizePx) {
  const rows = resample(image.width, sizePx);
  const columns = resample(image.height, sizePx);
  const narrow = along(image.data, 4, image.height, 4 * image.width, rows);
  const turned = along(narrow, 3 * sizePx, sizePx, 3, columns);
  return transposed(turned, sizePx);
}

/** For every answer its first pixel and the weights from there: a triangle as wide as a step, at least two pixels. */
function resample(from, to) {
  const step = from / to;
  const reach = Math.max(step, 1);
  return Array.from({ length: to }, (_, i) => {
    const middle = step * (i + 0.5);
    const first = Math.max(Math.trunc(middle - reach + 0.5), 0);
    const last = Math.min(Math.trunc(middle + reach + 0.5), from);
    const weights = Array.from({ length: last - first }, (_, j) => Math.max(0, 1 - Math.abs((first + j - middle + 0.5) / reach)));
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** Sums along one axis, whose pixels lie `pixel` values apart; lines of it lie `line` apart. Answers: lines, pixels, 3. */
function along(values, pixel, lines, line, steps) {
  const out = new Float32Array(lines * steps.length * 3);
  let at = 0;
  for (let number = 0; number < lines; number++) {
    for (const { first, weights } of steps) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let j = 0; j < weights.length; j++) sum += weights[j] * values[number * line + (first + j) * pixel + channel];
        out[at++] = sum;
      }
    }
  }
  return out;
}

function transposed(values, sizePx) {
  const out = new Float32Array(values.length);
  for (let row = 0; row < sizePx; row++) {
    for (let column = 0; column < sizePx; column++) {
      for (let channel = 0; channel < 3; channel++) {
        out[3 * (row * sizePx + column) + channel] = values[3 * (column * sizePx + row) + channel];
      }
    }
  }
  return out;
}
