// What the page says of two faces: the verdict in words, and a row for every file.

import { chart } from "./chart.js";

/** As `facedistill verify` judges: within the threshold's interval nobody is sure. */
export function judge(similarity, threshold) {
  if (!threshold) return "";
  return similarity > threshold.high ? "match" : similarity < threshold.low ? "no match" : "not sure";
}

const VERDICTS = { match: "✓ Match", "no match": "✕ No match", "not sure": "? Not sure", "": "No threshold yet" };

/** Shows results {model, similarity, ms, check}; the first is the student's most precise file. */
export function showAnswer(results) {
  const [{ model, similarity }] = results;
  const answer = judge(similarity, model.threshold);
  byId("result").hidden = byId("comparison").hidden = false;
  byId("result").dataset.answer = answer;
  byId("verdict").textContent = VERDICTS[answer];
  byId("meaning").textContent = meaning(similarity, model.threshold);
  byId("rows").replaceChildren(...results.map(row));
  const charts = results.filter((result) => result.model.histogram).map((result) => chart(result.model, result.similarity));
  byId("charts").replaceChildren(...charts);
}

export function hideAnswer() {
  for (const id of ["result", "comparison"]) byId(id).hidden = true;
  byId("charts").replaceChildren();
}

function byId(id) {
  return document.getElementById(id);
}

function meaning(similarity, threshold) {
  if (!threshold) return `Similarity ${similarity.toFixed(3)}. What it means is found by: facedistill calibrate PACKAGE --faces DIR`;
  const { low, high, fmr } = threshold;
  const strangers = `1 in ${Math.round(1 / fmr).toLocaleString("en")} pairs of strangers`;
  return `Similarity ${similarity.toFixed(3)}; the threshold is ${threshold.threshold.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}), above which ${strangers} come.`;
}

function row({ model, similarity, ms, check }) {
  const answer = judge(similarity, model.threshold);
  const line = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.textContent = model.name;
  const said = cell(answer || "–");
  said.className = answer.replace(" ", "-");
  const threshold = model.threshold ? model.threshold.threshold.toFixed(3) : "–";
  const size = `${(model.fileBytes / 2 ** 20).toFixed(1)} MiB`;
  const agrees = check === undefined ? "–" : check.toFixed(5);
  line.append(name, said, ...[similarity.toFixed(3), threshold, `${ms.toFixed(1)} ms`, size, agrees].map(cell));
  return line;
}

function cell(text) {
  const made = document.createElement("td");
  made.textContent = text;
  return made;
}
