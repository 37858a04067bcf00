package perf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lucarne/perf/report"
)

const (
	uploaded   = 100_000_000 // bytes of the file
	uploadCuts = 2
	// uploadPatience is how long it may take.
	uploadPatience = 2 * time.Minute
)

// uploadScript prepares a file that cannot be compressed, and an upload of it whose
// connection is cut so often: when another third of it has come, while a piece is on its
// way. Its value is the SHA-256 in hexadecimal.
const uploadScript = `(async (size, cuts) => {
	const content = new Uint8Array(size);
	for (let n = 0; n < size; n += 65536) crypto.getRandomValues(content.subarray(n, n + 65536));
	const state = { cuts: 0 };
	const real = window.fetch;
	window.fetch = async (url, init = {}) => {
		const due = state.cuts < cuts && Number(init.headers?.["Upload-Offset"]) >= size * (state.cuts + 1) / (cuts + 1);
		if (init.method !== "PATCH" || !due) return real(url, init);
		const cut = new AbortController();
		setTimeout(() => cut.abort(), 5);
		try {
			return await real(url, { ...init, signal: cut.signal });
		} catch (error) {
			state.cuts++;
			throw error;
		}
	};
	state.start = async () => {
		const transfer = new DataTransfer();
		transfer.items.add(new File([content], "upload.bin"));
		const drop = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer });
		document.querySelector("#stage").dispatchEvent(drop);
		for (;;) {
			const now = document.querySelector(".files li[data-state]")?.dataset.state;
			if (now === "done") return true;
			if (now === "failed" || now === "cancelled") return false;
			await new Promise(done => setTimeout(done, 20));
		}
	};
	window.lucarneUpload = state;
	const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
	return [...sum].map(b => b.toString(16).padStart(2, "0")).join("");
})`

// upload measures how many of its frames a turning scene keeps while the page uploads a
// file that is interrupted twice, from the first byte to the last, beside what it shows
// before and after. That the file does not arrive whole is an error.
func upload(ctx context.Context, v *view) (report.Result, error) {
	scene, clear, err := v.openScene()
	if err != nil {
		return report.Result{}, err
	}
	defer clear()
	var sum string
	if err := v.page.Eval(ctx, fmt.Sprintf("%s(%d, %d)", uploadScript, uploaded, uploadCuts), &sum); err != nil {
		return report.Result{}, err
	}
	before, err := v.motion(ctx, scene, moveBounds)
	if err != nil {
		return before, err
	}
	var took time.Duration
	r, err := v.motionDuring(ctx, scene, moveBounds, func(ctx context.Context) error {
		if err := sleep(ctx, warmUp); err != nil {
			return err
		}
		began := time.Now()
		defer func() { took = time.Since(began) }()
		return v.upload(ctx)
	})
	if err != nil {
		return r, err
	}
	after, err := v.motion(ctx, scene, moveBounds)
	if err != nil {
		return r, err
	}
	alone := (before.Metrics["frames/s"] + after.Metrics["frames/s"]) / 2
	r.Metrics["frames/s-alone"], r.Metrics["upload-ms"] = alone, ms(took)
	r.Metrics["upload"] = r.Metrics["frames/s"] / alone
	return r, arrived(filepath.Join(v.peer.Dir(), "files"), sum)
}

// upload has the page upload its file.
func (v *view) upload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, uploadPatience)
	defer cancel()
	var done bool
	if err := v.page.Eval(ctx, "lucarneUpload.start()", &done); err != nil {
		return fmt.Errorf("%s: upload: %w", v.peer.Name(), err)
	}
	var cuts int
	if err := v.page.Eval(ctx, "lucarneUpload.cuts", &cuts); err != nil {
		return err
	}
	if !done || cuts != uploadCuts {
		return fmt.Errorf("%s: upload: done %t, interrupted %d times, want %d", v.peer.Name(), done, cuts, uploadCuts)
	}
	return nil
}

// arrived says whether a directory has one file, of that SHA-256, and empties it.
func arrived(dir, sum string) (err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	if len(entries) != 1 {
		return fmt.Errorf("upload: %d files have come, want 1", len(entries))
	}
	name := filepath.Join(dir, entries[0].Name())
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(name)) }()
	hash := sha256.New()
	if n, err := io.Copy(hash, file); err != nil || n != uploaded || hex.EncodeToString(hash.Sum(nil)) != sum {
		return fmt.Errorf("upload: %s is not what was sent: %d bytes, %w", name, n, errors.Join(err, fs.ErrInvalid))
	}
	return nil
}
