// The page: opens the models one after the other, and compares whenever there are two faces.

import { hideAnswer, showAnswer } from "./answer.js";
import { guideBy } from "./camera.js";
import { compute } from "./compute.js";
import { cosine } from "./cosine.js";
import { Face } from "./face.js";
import { drawnFaces } from "./vectors.js";

const status = document.getElementById("status");
const opened = [];
const checks = new Map();
let faces, comparing = 0;

async function begin() {
  const site = await (await fetch("package.json")).json();
  document.getElementById("student").textContent = `The student ${site.name}`;
  document.getElementById("alignment").textContent = site.detector
    ? "Photos are aligned here by the detector that the page was started with."
    : "No detector was given: square pictures are taken as faces that are aligned already.";
  if (!site.detector) guideBy(site.template);
  faces = ["first", "second"].map((id) => new Face(document.getElementById(id), compare));
  await compute("begin", site);
  for (const model of site.models) await open(model);
  performance.mark("all models are ready");
  if (site.vectors) await useVectors(site);
}

async function open(model) {
  status.textContent = `Loading ${model.name} …`;
  await compute("open", model);
  opened.push(model);
  status.textContent = `Ready: ${opened.map(({ name }) => name).join(", ")}.`;
  performance.mark(`ready: ${model.name}`);
  await compare();
}

async function useVectors({ vectors, models }) {
  const drawn = await drawnFaces(vectors);
  for (const { name } of models.filter(({ ofPackage }) => ofPackage)) {
    checks.set(name, await compute("check", { name, ...drawn.check }));
  }
  offer("drawn-one", drawn.onePerson);
  offer("drawn-two", drawn.twoPeople);
  document.getElementById("drawn").hidden = false;
  await compare();
}

function offer(id, pair) {
  document.getElementById(id).addEventListener("click", () => {
    pair.forEach((crop, i) => faces[i].show(crop, "a face drawn by facedistill; nobody is shown"));
  });
}

async function compare() {
  const mine = ++comparing;
  const crops = faces.map((face) => face.crop);
  if (crops.includes(null) || !opened.length) return hideAnswer();
  const results = [];
  for (const model of opened) results.push({ ...(await comparedBy(model, crops)), check: checks.get(model.name) });
  if (mine === comparing) showAnswer(results);
}

async function comparedBy(model, crops) {
  const first = await compute("embed", { name: model.name, crop: crops[0] });
  const second = await compute("embed", { name: model.name, crop: crops[1] });
  return { model, similarity: cosine(first.embedding, second.embedding), ms: (first.ms + second.ms) / 2 };
}

begin().catch((error) => {
  status.textContent = error.message;
});
