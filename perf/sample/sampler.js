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

  // read returns one RGBA quadruple for each of the cells in a row from x, y.
  const read = (x, y, cell, cells) => {
    const from = picture();
    if (!from) return null;
    if (small.canvas.width !== cells) small.canvas.width = cells;
    small.canvas.height = 1;
    small.imageSmoothingEnabled = false;
    small.drawImage(from, x, y, cell * cells, cell, 0, 0, cells, 1);
    return small.getImageData(0, 0, cells, 1).data;
  };

  const colour = px => (px[0] << 16) | (px[1] << 8) | px[2];

  // number decodes a bar code of 24 cells, as package xclient paints it; -1: there is none.
  const number = px => {
    let bits = 0;
    for (let i = 0; i < 24; i++) bits = (bits << 1) | (px[4 * i + 1] > 127 ? 1 : 0);
    const n = (bits >> 6) & 0xffff;
    const sum = ((n >> 12) + (n >> 8) + (n >> 4) + n + 5) & 15;
    return bits >>> 22 === 2 && (bits & 3) === 1 && ((bits >> 2) & 15) === sum ? n : -1;
  };

  let run = null;
  const frame = () => {
    if (!run) return;
    const t = now();
    run.frames++;
    run.last = t;
    const px = read(run.x, run.y, run.cell, run.cells);
    if (px) {
      const value = run.cells === 1 ? colour(px) : number(px);
      if (value !== run.value) {
        run.value = value;
        run.samples.push([t, value]);
      }
    }
    requestAnimationFrame(frame);
  };

  window.lucarneSampler = {
    now,
    colours: (points) => points.map(([x, y]) => {
      const px = read(x, y, 1, 1);
      return px ? colour(px) : -1;
    }),
    start: (x, y, cell, cells) => {
      const idle = !run;
      keys.length = 0;
      run = { x, y, cell, cells, value: null, samples: [], frames: 0, first: now(), last: 0 };
      if (idle) requestAnimationFrame(frame);
    },
    stop: () => {
      const { samples, frames, first, last } = run;
      run = null;
      return { samples, frames, ms: last - first, keys: [...keys] };
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
