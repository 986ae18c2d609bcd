// Five points to an aligned crop: a similarity onto the template (Umeyama 1991), and the picture under it.

/** {a, b, x, y} of (u, v) = (a s - b t + x, b s + a t + y) with the least squared error from points to points. */
export function similarity(from, to) {
  const [fromMean, toMean] = [mean(from), mean(to)];
  let energy = 0, a = 0, b = 0;
  from.forEach(([px, py], i) => {
    const [s, t] = [px - fromMean[0], py - fromMean[1]];
    const [u, v] = [to[i][0] - toMean[0], to[i][1] - toMean[1]];
    energy += s * s + t * t;
    a += s * u + t * v;
    b += s * v - t * u;
  });
  a /= energy;
  b /= energy;
  return { a, b, x: toMean[0] - a * fromMean[0] + b * fromMean[1], y: toMean[1] - b * fromMean[0] - a * fromMean[1] };
}

function mean(points) {
  return [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}

/** The square crop that a similarity shows of a picture: bilinear, and black beyond its border. */
export function warp(image, { a, b, x, y }, sizePx) {
  const crop = new ImageData(sizePx, sizePx);
  const energy = a * a + b * b;
  for (let row = 0; row < sizePx; row++) {
    for (let column = 0; column < sizePx; column++) {
      const [u, v] = [column - x, row - y];
      sample(image, (a * u + b * v) / energy, (a * v - b * u) / energy, crop.data, 4 * (row * sizePx + column));
    }
  }
  return crop;
}

function sample({ data, width, height }, s, t, out, at) {
  const [left, top] = [Math.floor(s), Math.floor(t)];
  for (let channel = 0; channel < 3; channel++) {
    let sum = 0;
    for (const [column, row] of [[left, top], [left + 1, top], [left, top + 1], [left + 1, top + 1]]) {
      const inside = column >= 0 && row >= 0 && column < width && row < height;
      const weight = (1 - Math.abs(s - column)) * (1 - Math.abs(t - row));
      if (inside) sum += weight * data[4 * (row * width + column) + channel];
    }
    out[at + channel] = Math.round(sum);
  }
  out[at + 3] = 255;
}
