package encode

import "time"

// spareFor is how long an encoder that Try has opened waits for its stream.
const spareFor = 5 * time.Second

// spare is an encoder that is open before its stream runs, of a backend that is slow
// to open. The Fanout's mu guards it.
type spare struct {
	encoder Encoder // nil: there is none
	cfg     Config
	since   time.Time
	running bool // Run does, which closes it
	started bool // a stream runs
}

// Ready says whether a seat would be served at once. If not it had better wait
// elsewhere; Try makes it so for a while.
func (f *Fanout) Ready() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.cfg.Backend.Slow || f.spare.encoder != nil || f.spare.started
}

// keep has an encoder of a slow backend wait for the main stream, and closes others.
func (f *Fanout) keep(encoder Encoder, cfg Config) error {
	f.mu.Lock()
	if f.spare.running && f.cfg.Backend.Slow {
		encoder, f.spare.encoder = f.spare.encoder, encoder
		f.spare.cfg, f.spare.since = cfg, time.Now()
	}
	f.mu.Unlock()
	f.ring()
	if encoder == nil {
		return nil
	}
	return encoder.Close()
}

// take returns the encoder that waits, if any.
func (f *Fanout) take() (Encoder, Config) {
	f.mu.Lock()
	defer f.mu.Unlock()
	encoder := f.spare.encoder
	f.spare.encoder = nil
	return encoder, f.spare.cfg
}

// open is the main stream's way to open an encoder. It takes the one that waits, if
// that is as wanted. That one has made its key frame; a stream that begins asks for
// one by itself.
func (f *Fanout) open(cfg Config) (Encoder, error) {
	encoder, has := f.take()
	if encoder == nil {
		return f.cfg.Backend.Open(cfg)
	}
	bps := has.BitrateBps
	has.BitrateBps = cfg.BitrateBps
	if has == cfg && (bps == cfg.BitrateBps || encoder.SetBitrate(cfg.BitrateBps) == nil) {
		return encoder, nil
	}
	_ = encoder.Close() // it has served nobody
	return f.cfg.Backend.Open(cfg)
}

// started notes that a stream runs, or that none does.
func (f *Fanout) started(runs bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spare.started = runs
}

// keeps notes that Run will close the encoder that waits, or that it has ended, and
// closes it then.
func (f *Fanout) keeps(running bool) {
	f.mu.Lock()
	f.spare.running = running
	f.mu.Unlock()
	if !running {
		f.dropSpare()
	}
}

// expire closes the encoder that waits if nobody has come for it, and returns how
// long it may still wait; 0: there is none.
func (f *Fanout) expire() time.Duration {
	f.mu.Lock()
	since, waits := f.spare.since, f.spare.encoder != nil
	f.mu.Unlock()
	if !waits {
		return 0
	}
	if left := spareFor - time.Since(since); left > 0 {
		return left
	}
	f.dropSpare()
	return 0
}

func (f *Fanout) dropSpare() {
	if encoder, _ := f.take(); encoder != nil {
		if err := encoder.Close(); err != nil {
			f.cfg.Log.Warn("encoder did not close", "encoder", f.cfg.Backend.Name, "err", err)
		}
	}
}
