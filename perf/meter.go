package perf

import (
	"context"
	"time"

	"lucarne/perf/cost"
	"lucarne/perf/peer"
	"lucarne/perf/sample"
)

// work is the CPU time that a peer had used at a moment.
type work struct {
	at    time.Time
	all   time.Duration // of all its processes
	agent time.Duration // of those that carry the display to the page
}

// worked returns what a peer has used so far. The floor's work is the harness's own
// and not counted.
func worked(p *peer.Peer) (work, error) {
	w := work{at: time.Now()}
	if p.Floor() != nil {
		return w, nil
	}
	var err error
	if w.all, err = cost.CPU(p.Everyone()...); err != nil {
		return w, err
	}
	w.agent, err = cost.CPU(p.Carriers()...)
	return w, err
}

// addWork adds what a peer has used since an earlier moment, and its memory now.
func addWork(metrics map[string]float64, p *peer.Peer, before, after work) error {
	if p.Floor() != nil {
		return nil
	}
	// What has ended counts in ticks, what lives to the nanosecond: where something
	// ends, a sum may become less.
	seconds := after.at.Sub(before.at).Seconds()
	metrics["cpu-ms/s"] = ms(max(0, after.all-before.all)) / seconds
	metrics["agent-cpu-ms/s"] = ms(max(0, after.agent-before.agent)) / seconds
	return addMemory(metrics, p)
}

// addMemory adds the memory of what carries the display to the page.
func addMemory(metrics map[string]float64, p *peer.Peer) error {
	memory, err := cost.MemoryOf(p.Carriers()...)
	metrics["pss-MB"] = float64(memory.Proportional) / 1e6
	metrics["rss-MB"] = float64(memory.Resident) / 1e6
	return err
}

// meter counts what a peer uses and sends while its page shows something.
type meter struct {
	v       *view
	work    work
	inbound sample.Inbound
	traffic cost.Volume // over the link; zero on the loopback
}

// meter begins to count.
func (v *view) meter(ctx context.Context) (*meter, error) {
	m := &meter{v: v}
	return m, m.take(ctx)
}

func (m *meter) take(ctx context.Context) error {
	var err error
	if m.inbound, err = m.v.sampler.Inbound(ctx); err != nil {
		return err
	}
	if m.traffic, err = m.v.route.traffic(); err != nil {
		return err
	}
	m.work, err = worked(m.v.peer)
	return err
}

// read adds what was used since to the metrics.
func (m *meter) read(ctx context.Context, metrics map[string]float64) error {
	now := &meter{v: m.v}
	if err := now.take(ctx); err != nil {
		return err
	}
	bytes, packets := now.traffic.Bytes-m.traffic.Bytes, now.traffic.Packets-m.traffic.Packets
	if bytes == 0 { // the loopback is everybody's: what the page knows to have received
		bytes, packets = now.inbound.Bytes-m.inbound.Bytes, now.inbound.Packets-m.inbound.Packets
	}
	if seconds := now.work.at.Sub(m.work.at).Seconds(); bytes > 0 {
		metrics["bytes/s"] = float64(bytes) / seconds
		if packets > 0 { // a page knows of none by WebSocket
			metrics["packets/s"] = float64(packets) / seconds
		}
	}
	return addWork(metrics, m.v.peer, m.work, now.work)
}
