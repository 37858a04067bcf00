// Records what the page shows: on every animation frame it reads a few pixels of
// the picture, wherever it comes from, and writes down when they changed. It runs
// before the page's own scripts.
(() => {
  const now = () => performance.timeOrigin + performance.now();
  const keys = [];
  const clicks = [];
  const peers = [];
  addEventListener("keydown", () => keys.push(now()), true);
  addEventListener("pointerdown", () => clicks.push(now()), true);

  // Every peer connection is kept, so that its statistics can be asked for.
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...args) { super(...args); peers.push(this); }
  };

  // What comes by WebSockets is summed up: binary messages, of our own page's those
  // with a part of a picture.
  const pictureType = 2;
  let socketBytes = 0;
  const count = ({ data }) => {
    if (!(data instanceof ArrayBuffer) || (window.lucarne && new Uint8Array(data)[0] !== pictureType)) return;
    socketBytes += data.byteLength;
  };
  // A page may look for a socket's methods in its prototype: it gets no class of ours.
  window.WebSocket = new Proxy(window.WebSocket, {
    construct: (native, args) => {
      const socket = new native(...args);
      socket.addEventListener("message", count);
      return socket;
    },
  });

  // An image is a picture only if it fills the page: others are a page's decoration.
  const ready = e => {
    if (e instanceof HTMLVideoElement) return e.readyState >= 2 && e.videoWidth > 0;
    if (e instanceof HTMLImageElement && 2 * e.width * e.height < innerWidth * innerHeight) return false;
    return (e.complete ?? true) && e.width > 0 && e.height > 0;
  };

  // The picture: the largest video, canvas or image that can be seen; where one lies on
  // another, the upper one.
  const picture = () => {
    let seen = [];
    let largest = 0;
    for (const element of document.querySelectorAll("video, canvas, img")) {
      if (!ready(element) || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      const box = element.getBoundingClientRect();
      const area = box.width * box.height;
      if (area > 0) seen.push({ element, box, area });
      largest = Math.max(largest, area);
    }
    seen = seen.filter(({ area }) => area >= largest / 2);
    if (seen.length < 2) return seen[0]?.element ?? null;
    const { box } = seen.find(({ area }) => area === largest);
    const stack = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const top = stack.find(above => seen.some(({ element }) => element === above));
    return top ?? seen.at(-1).element;
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

  // step is how many of the screen's pixels, each way, one of the picture's covers: our
  // page may have a smaller picture and show it as large as the screen.
  const step = e => {
    const width = e.videoWidth || e.width;
    return (window.lucarne && Math.round(e.getBoundingClientRect().width * devicePixelRatio / width)) || 1;
  };

  const clamp = v => Math.max(0, Math.min(255, Math.round(v)));

  // peek reads the same from the planes of a video's present frame: drawing it would
  // convert all of the frame, which takes milliseconds of the page being measured. The
  // colour is near enough to tell two apart.
  const peek = async (frame, x, y, cell, cells) => {
    const width = Math.max(2, cells * cell + (cells * cell) % 2);
    const row = y + (cell >> 1);
    const planes = new Uint8Array(4 * width);
    const rect = { x: x - (x % 2), y: row - (row % 2), width, height: 2 };
    const [Y, U, V] = await frame.copyTo(planes, { rect }).finally(() => frame.close());
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

  // note writes down a value that is shown from time t on; media is a video frame's
  // own time in µs, by which its presentation is found.
  const note = (r, t, value, media) => {
    if (value === r.value) return;
    r.value = value;
    r.samples.push([t, value, media]);
  };

  // take writes down the colours that are shown from time t on; miss, that they
  // could not be read, which may be so for a moment while a page changes its picture.
  const take = (r, t, colours, media) => {
    r.failed = null;
    note(r, t, r.cells === 1 ? colours[0] : number(colours), media);
  };
  const miss = (r, t, error) => {
    r.failed = error;
    note(r, t, -1, null);
  };

  // read writes down what the picture shows at time t.
  const read = (r, t, from) => {
    if (!from) return;
    const k = step(from);
    const [x, y, cell] = [Math.floor(r.x / k), Math.floor(r.y / k), Math.ceil(r.cell / k)];
    if (from instanceof HTMLVideoElement) {
      follow(r, from);
      const frame = new VideoFrame(from);
      if (frame.format === "I420" || frame.format === "I420A") {
        const media = frame.timestamp;
        const colours = peek(frame, x, y, cell, r.cells);
        r.reading = Promise.allSettled([colours, r.reading]).then(([{ value, reason }]) =>
          value ? take(r, t, value, media) : miss(r, t, reason));
        return;
      }
      frame.close();
    }
    take(r, t, draw(from, x, y, cell, r.cells), null);
  };

  // follow writes down when each frame of a video is handed to the compositor.
  const follow = (r, video) => {
    if (r.video === video || !video.requestVideoFrameCallback) return;
    r.video = video;
    let before = null;
    const each = (_, { mediaTime, presentationTime, presentedFrames }) => {
      if (run !== r || r.video !== video) return;
      r.presented += before === null ? 1 : presentedFrames - before;
      before = presentedFrames;
      r.presentations.set(Math.round(mediaTime * 1e6), performance.timeOrigin + presentationTime);
      video.requestVideoFrameCallback(each);
    };
    video.requestVideoFrameCallback(each);
  };

  // frame is an animation frame of one recording: each has a loop of its own, so
  // that none is counted twice where one recording follows another at once.
  const frame = r => {
    if (run !== r) return;
    const t = now();
    r.frames++;
    try {
      read(r, t, picture());
    } catch (error) {
      miss(r, t, error);
    }
    r.cost += now() - t;
    requestAnimationFrame(() => frame(r));
  };

  // lit says whether a picture is more than black: some of 16 by 9 points of it.
  const lit = from => {
    const canvas = new OffscreenCanvas(16, 9).getContext("2d", { willReadFrequently: true });
    canvas.drawImage(from, 0, 0, 16, 9);
    return canvas.getImageData(0, 0, 16, 9).data.some((v, i) => i % 4 < 3 && v > 24);
  };

  window.lucarneSampler = {
    now,
    colours: points => {
      const from = picture();
      const k = from && step(from);
      return points.map(([x, y]) => (from ? draw(from, Math.floor(x / k), Math.floor(y / k), 1, 1)[0] : -1));
    },
    start: (x, y, cell, cells) => {
      keys.length = clicks.length = 0;
      const r = {
        x, y, cell, cells, value: null, samples: [], reading: Promise.resolve(), failed: null, frames: 0, cost: 0,
        first: now(), video: null, presented: 0, presentations: new Map(),
      };
      run = r;
      requestAnimationFrame(() => frame(r));
    },
    stop: async () => {
      const r = run;
      if (!r) throw new Error("nothing is being recorded: the page was loaded anew meanwhile");
      run = null;
      const ms = now() - r.first; // a page without animation frames at the end is starved as well
      await r.reading;
      if (r.failed) throw r.failed;
      const samples = r.samples.map(([t, value, media]) => [t, value, r.presentations.get(media) ?? 0]);
      return {
        samples, frames: r.frames, presented: r.presented, cost: r.cost, ms,
        keys: [...keys], clicks: [...clicks],
      };
    },
    // firstPixel resolves at the first animation frame with a picture that is not
    // black, with the time since navigation began in ms.
    firstPixel: () => new Promise(resolve => {
      const look = () => {
        const from = picture();
        if (from && lit(from)) resolve(performance.now());
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    }),
    // picture returns a rectangle of the picture as a PNG's data URL, or all of it
    // for a width of 0; "" while there is none.
    picture: (x, y, width, height) => {
      const from = picture();
      if (!from) return "";
      const canvas = document.createElement("canvas");
      const k = step(from);
      const [w, h] = [k * (from.videoWidth || from.width), k * (from.videoHeight || from.height)];
      canvas.width = width || w;
      canvas.height = height || h;
      canvas.getContext("2d", { alpha: false, willReadFrequently: true }).drawImage(from, -x, -y, w, h);
      return canvas.toDataURL("image/png");
    },
    inbound: async () => {
      const sum = { bytes: socketBytes, packets: 0, frames: 0 };
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
