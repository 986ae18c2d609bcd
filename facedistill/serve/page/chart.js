// Where a similarity lies among pairs of one person and of strangers: shares of each kind, by similarity.

const WIDTH = 360, HEIGHT = 170, LEFT = 10, RIGHT = 10, TOP = 26, BOTTOM = 34;

/** A figure of a model's histogram with its threshold and this pair. */
export function chart(model, similarity) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = `${model.name}: blue, pairs of one person; orange with dashes, of strangers; each as high as its own peak. The dashed line is the threshold.`;
  figure.append(picture(model, similarity), caption);
  return figure;
}

function picture({ name, histogram, threshold }, similarity) {
  const { from, to } = range(histogram, threshold, similarity);
  const x = (value) => LEFT + ((value - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words(name, histogram, threshold, similarity) });
  for (const kind of ["impostor", "genuine"]) svg.append(node("path", { class: kind, d: area(histogram[kind], x) }));
  if (threshold) svg.append(...thresholdMarks(threshold, x));
  svg.append(...axis(from, to, x), ...pairMark(similarity, x));
  return svg;
}

function words(name, histogram, threshold, similarity) {
  const below = (counts) => counts.slice(0, step(similarity, counts.length)).reduce((a, b) => a + b, 0);
  const share = (counts) => `${Math.round((100 * below(counts)) / Math.max(1, total(counts)))} %`;
  const line = threshold ? ` The threshold is ${threshold.threshold.toFixed(3)}.` : "";
  return `${name}: the similarity ${similarity.toFixed(3)} is above that of ${share(histogram.impostor)} of strangers and of ${share(histogram.genuine)} of pairs of one person.${line}`;
}

function step(similarity, steps) {
  return Math.min(steps - 1, Math.max(0, Math.floor(((similarity + 1) / 2) * steps)));
}

function total(counts) {
  return counts.reduce((a, b) => a + b, 0);
}

/** The similarities that occur, in whole tenths. */
function range({ genuine, impostor }, threshold, similarity) {
  const edges = genuine.flatMap((count, i) => (count || impostor[i] ? [edge(i, genuine.length), edge(i + 1, genuine.length)] : []));
  const shown = [...edges, similarity, ...(threshold ? [threshold.low, threshold.high] : [])];
  return { from: Math.floor(10 * Math.min(...shown)) / 10, to: Math.ceil(10 * Math.max(...shown)) / 10 };
}

function edge(i, steps) {
  return -1 + (2 * i) / steps;
}

/** The outline of a histogram, as high as its highest step. */
function area(counts, x) {
  const top = Math.max(...counts, 1);
  const floor = HEIGHT - BOTTOM;
  const used = counts.map((count, i) => [count, i]).filter(([count]) => count);
  if (!used.length) return "";
  const [first, last] = [used[0][1], used.at(-1)[1]];
  const steps = counts.slice(first, last + 1).map((count, i) => {
    const y = floor - (count / top) * (floor - TOP);
    return `V${y.toFixed(1)}H${x(edge(first + i + 1, counts.length)).toFixed(1)}`;
  });
  return `M${x(edge(first, counts.length)).toFixed(1)} ${floor}${steps.join("")}V${floor}Z`;
}

function thresholdMarks({ threshold, low, high }, x) {
  const [top, height] = [TOP, HEIGHT - BOTTOM - TOP];
  return [
    node("rect", { class: "interval", x: x(low), y: top, width: x(high) - x(low), height }),
    node("line", { class: "threshold", x1: x(threshold), x2: x(threshold), y1: top, y2: top + height }),
  ];
}

function pairMark(similarity, x) {
  const at = x(similarity);
  const anchor = at > WIDTH - 60 ? "end" : at < 60 ? "start" : "middle";
  return [
    node("line", { class: "pair", x1: at, x2: at, y1: TOP - 6, y2: HEIGHT - BOTTOM }),
    node("text", { class: "pair-label", x: at, y: TOP - 11, "text-anchor": anchor }, `this pair ${similarity.toFixed(2)}`),
  ];
}

function axis(from, to, x) {
  const floor = HEIGHT - BOTTOM;
  const apart = to - from > 1 ? 0.4 : 0.2;
  const parts = [node("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: floor, y2: floor })];
  for (let value = Math.ceil(from / apart) * apart; value <= to + 1e-9; value += apart) {
    parts.push(node("text", { x: x(value), y: floor + 14, "text-anchor": "middle" }, (Math.round(10 * value) / 10 + 0).toFixed(1)));
  }
  parts.push(node("text", { x: WIDTH / 2, y: floor + 28, "text-anchor": "middle" }, "similarity (cosine)"));
  return parts;
}

function node(kind, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
