// One of the two places for a face: files come in by choice, drop or camera, and an aligned crop is shown.

import { takePhoto } from "./camera.js";
import { compute } from "./compute.js";

export class Face {
  /** `changed` is called when there is another face, or none. */
  constructor(root, changed) {
    this.root = root;
    this.changed = changed;
    this.crop = null;
    this.canvas = root.querySelector(".crop");
    this.note = root.querySelector(".note");
    this.problem = root.querySelector(".problem");
    this.title = root.querySelector("h2").textContent;
    this.listen(root.querySelector("input"));
  }

  listen(input) {
    input.setAttribute("aria-label", `${this.title}: choose a photo`);
    input.addEventListener("change", () => {
      if (input.files.length) this.take(input.files[0]);
      input.value = ""; // so that the same file can be chosen again
    });
    const camera = this.root.querySelector(".camera");
    camera.setAttribute("aria-label", `${this.title}: use the camera`);
    camera.addEventListener("click", async () => {
      const photo = await takePhoto();
      if (photo) this.take(photo);
    });
    this.root.addEventListener("dragover", (event) => this.over(event, true));
    this.root.addEventListener("dragleave", (event) => this.over(event, false));
    this.root.addEventListener("drop", (event) => {
      this.over(event, false);
      if (event.dataTransfer.files.length) this.take(event.dataTransfer.files[0]);
    });
  }

  over(event, inside) {
    event.preventDefault();
    this.root.classList.toggle("over", inside);
  }

  async take(file) {
    try {
      const { crop, width, height, ms } = await compute("look", file);
      const found = ms === undefined ? "" : `, face found in ${ms.toFixed(0)} ms`;
      this.show(crop, `${file.name}: ${width} × ${height} pixels${found}`);
    } catch (error) {
      this.refuse(error.message);
    }
  }

  show(crop, words) {
    this.crop = crop;
    this.canvas.width = crop.width;
    this.canvas.height = crop.height;
    this.canvas.getContext("2d").putImageData(crop, 0, 0);
    this.canvas.setAttribute("aria-label", `The aligned crop of ${words}`);
    this.note.textContent = words;
    this.problem.textContent = "";
    this.changed();
  }

  refuse(sentence) {
    this.crop = null;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.canvas.setAttribute("aria-label", "No face");
    this.note.textContent = "";
    this.problem.textContent = sentence;
    this.changed();
  }
}
