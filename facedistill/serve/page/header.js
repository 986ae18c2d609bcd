// The size of an image by its first bytes, so that a small file of a huge image is never decoded.
// Same formats as the command line: JPEG, PNG, WebP and BMP.

const START_OF_FRAME = new Set([0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]);

/** {width, height} as the file states them, or null where it is none of the four formats. */
export function statedSize(buffer) {
  const view = new DataView(buffer);
  for (const read of [png, jpeg, webp, bmp]) {
    try {
      const size = read(view);
      if (size) return size;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // the file ends within its header
    }
  }
  return null;
}

function startsWith(view, text, at = 0) {
  return [...text].every((letter, i) => view.getUint8(at + i) === letter.charCodeAt(0));
}

function png(view) {
  return startsWith(view, "\x89PNG") && { width: view.getUint32(16), height: view.getUint32(20) };
}

function jpeg(view) {
  if (view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; ; ) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at += 1; // padding
    else if (START_OF_FRAME.has(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    else at += 2 + view.getUint16(at + 2);
  }
}

function webp(view) {
  if (!startsWith(view, "RIFF") || !startsWith(view, "WEBP", 8)) return null;
  if (startsWith(view, "VP8X", 12)) return { width: 1 + uint24(view, 24), height: 1 + uint24(view, 27) };
  if (startsWith(view, "VP8L", 12)) {
    const bits = view.getUint32(21, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >> 14) & 0x3fff) };
  }
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}

function uint24(view, at) {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}

function bmp(view) {
  return startsWith(view, "BM") && { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
}
