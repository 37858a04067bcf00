// Records what the page shows: on every animation frame it reads a few pixels of
// the picture, wherever it comes from, and writes down when they changed. It runs
// before the page's own scripts.
(() => {
  const now = () => performance.timeOrigin + performance.now();
  const keys = [];
  const peers = [];
  addEventListener("keydown", () => keys.push(now()), true);

  // Every peer connection is kept, so that its statistics can be asked for.
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...args) { super(...args); peers.push(this); }
  };

  // The picture: a video that plays, else the largest canvas.
  const picture = () => {
    for (const video of document.querySelectorAll("video")) {
      if (video.readyState >= 2 && video.videoWidth > 0) return video;
    }
    let best = null;
    for (const canvas of document.querySelectorAll("canvas")) {
      if (!best || canvas.width * canvas.height > best.width * best.height) best = canvas;
    }
    return best;
  };

  const small = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  // draw reads one colour, 0xRRGGBB, for each of the cells in a row from x, y, as
  // the browser converts them.
  const draw = (from, x, y, cell, cells) => {
    if (small.canvas.width !== cells) small.canvas.width = cells;
    small.canvas.height = 1;
    small.imageSmoothingEnabled = false;
    small.drawImage(from, x, y, cell * cells, cell, 0, 0, cells, 1);
    const px = small.getImageData(0, 0, cells, 1).data;
    return Array.from({ length: cells }, (_, i) => (px[4 * i] << 16) | (px[4 * i + 1] << 8) | px[4 * i + 2]);
  };

  const clamp = v => Math.max(0, Math.min(255, Math.round(v)));

  // peek reads the same from the planes of a video's present frame: drawing it would
  // convert all of the frame, which takes milliseconds of the page being measured. The
  // colour is near enough to tell two apart.
  const planes = new Uint8Array(1 << 16);
  const peek = async (frame, x, y, cell, cells) => {
    const width = cells * cell + (cells * cell) % 2;
    const row = y + (cell >> 1);
    const rect = { x: x - (x % 2), y: row - (row % 2), width: Math.max(2, width), height: 2 };
    const [Y, U, V] = await frame.copyTo(planes, { rect });
    return Array.from({ length: cells }, (_, i) => {
      const at = i * cell + (cell >> 1);
      const l = 1.164 * (planes[Y.offset + at] - 16);
      const u = planes[U.offset + (at >> 1)] - 128;
      const v = planes[V.offset + (at >> 1)] - 128;
      return (clamp(l + 1.596 * v) << 16) | (clamp(l - 0.392 * u - 0.813 * v) << 8) | clamp(l + 2.017 * u);
    });
  };

  // number decodes a bar code of 24 cells, as package xclient paints it; -1: there is none.
  const number = colours => {
    const bits = colours.reduce((bits, c) => (bits << 1) | (((c >> 8) & 255) > 127 ? 1 : 0), 0);
    const n = (bits >> 6) & 0xffff;
    const sum = ((n >> 12) + (n >> 8) + (n >> 4) + n + 5) & 15;
    return bits >>> 22 === 2 && (bits & 3) === 1 && ((bits >> 2) & 15) === sum ? n : -1;
  };

  let run = null;

  const note = (r, t, colours) => {
    const value = r.cells === 1 ? colours[0] : number(colours);
    if (value === r.value) return;
    r.value = value;
    r.samples.push([t, value]);
  };

  // read writes down what the picture shows at time t.
  const read = (r, t, from) => {
    if (!from) return;
    if (from instanceof HTMLVideoElement) {
      const frame = new VideoFrame(from);
      if (frame.format === "I420" || frame.format === "I420A") {
        r.reading = r.reading
          .then(() => peek(frame, r.x, r.y, r.cell, r.cells))
          .then(colours => note(r, t, colours))
          .finally(() => frame.close());
        return;
      }
      frame.close();
    }
    note(r, t, draw(from, r.x, r.y, r.cell, r.cells));
  };

  const frame = () => {
    if (!run) return;
    const t = now();
    run.frames++;
    run.last = t;
    read(run, t, picture());
    run.cost += now() - t;
    requestAnimationFrame(frame);
  };

  window.lucarneSampler = {
    now,
    colours: points => {
      const from = picture();
      return points.map(([x, y]) => (from ? draw(from, x, y, 1, 1)[0] : -1));
    },
    start: (x, y, cell, cells) => {
      const idle = !run;
      keys.length = 0;
      run = { x, y, cell, cells, value: null, samples: [], reading: Promise.resolve(), frames: 0, cost: 0, first: now(), last: 0 };
      if (idle) requestAnimationFrame(frame);
    },
    stop: async () => {
      const { samples, frames, cost, first, last, reading } = run;
      run = null;
      await reading;
      return { samples, frames, cost, ms: last - first, keys: [...keys] };
    },
    inbound: async () => {
      const sum = { bytes: 0, packets: 0, frames: 0 };
      for (const peer of peers) {
        for (const s of (await peer.getStats()).values()) {
          if (s.type !== "inbound-rtp") continue;
          sum.bytes += s.bytesReceived + s.headerBytesReceived;
          sum.packets += s.packetsReceived;
          sum.frames += s.framesDecoded || 0;
        }
      }
      return sum;
    },
  };
})();
