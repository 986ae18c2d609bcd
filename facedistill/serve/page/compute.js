// The page's side of worker.js: an order, and the promise of its answer.

import { Problem } from "./problem.js";

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const waiting = new Map();
let orders = 0;

worker.onmessage = ({ data: { id, answer, problem } }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (problem === undefined) resolve(answer);
  else reject(new Problem(problem));
};

worker.onerror = () => {
  for (const { reject } of waiting.values()) reject(new Problem("This browser cannot run the network; try a newer one."));
};

export function compute(order, given) {
  return new Promise((resolve, reject) => {
    waiting.set(++orders, { resolve, reject });
    worker.postMessage({ id: orders, order, given });
  });
}
