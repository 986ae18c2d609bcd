// A photo from the camera. Without a detector the middle square is the crop, and marks show where eyes and mouth belong.

const dialog = document.getElementById("camera");
const video = dialog.querySelector("video");
const advice = dialog.querySelector(".advice");
const take = dialog.querySelector(".take");
let template = null;

/** Marks the places of a template of 112 px; the preview is a mirror. */
export function guideBy(points) {
  template = points;
  const marks = dialog.querySelector(".marks");
  for (const [x, y] of points) {
    const circle = document.createElementNS(marks.namespaceURI, "circle");
    for (const [name, value] of Object.entries({ cx: 112 - x, cy: y, r: 3 })) circle.setAttribute(name, value);
    marks.append(circle);
  }
  dialog.querySelector(".view").classList.add("square");
}

/** A PNG file of what the camera shows, or null where the dialog was closed. */
export async function takePhoto() {
  advice.textContent = template ? "Bring eyes, nose and mouth onto the circles." : "One face, looking at the camera.";
  take.disabled = true;
  dialog.showModal();
  const stream = await openCamera();
  const photo = await decision();
  stream?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  dialog.close();
  return photo;
}

async function openCamera() {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
    video.srcObject = stream;
    await video.play();
    take.disabled = false;
    return stream;
  } catch {
    advice.textContent = "The browser gives no camera to this page; choose a photo instead.";
    return null;
  }
}

function decision() {
  return new Promise((resolve) => {
    take.onclick = async () => resolve(await frame());
    dialog.querySelector(".close").onclick = () => resolve(null);
    dialog.oncancel = () => resolve(null);
  });
}

async function frame() {
  const { videoWidth: width, videoHeight: height } = video;
  const side = Math.min(width, height);
  const [w, h] = template ? [side, side] : [width, height];
  const canvas = new OffscreenCanvas(w, h);
  canvas.getContext("2d").drawImage(video, (width - w) / 2, (height - h) / 2, w, h, 0, 0, w, h);
  return new File([await canvas.convertToBlob({ type: "image/png" })], "camera");
}
