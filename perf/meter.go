package perf

import (
	"context"
	"time"

	"lucarne/perf/cost"
	"lucarne/perf/sample"
)

// meter is what had been used when a scenario began.
type meter struct {
	v       *view
	at      time.Time
	all     time.Duration // CPU time of all processes of the peer
	agent   time.Duration // and of those that carry the display
	inbound sample.Inbound
	traffic cost.Volume // over the link; zero on the loopback
}

// meter begins to count what the peer uses. The floor's work is the harness's own.
func (v *view) meter(ctx context.Context) (*meter, error) {
	m := &meter{v: v}
	return m, m.take(ctx)
}

func (m *meter) take(ctx context.Context) error {
	var err error
	if m.inbound, err = m.v.sampler.Inbound(ctx); err != nil {
		return err
	}
	if m.all, err = cost.CPU(m.v.peer.Everyone()...); err != nil {
		return err
	}
	if m.agent, err = cost.CPU(m.v.peer.Carriers()...); err != nil {
		return err
	}
	m.at = time.Now()
	m.traffic, err = m.v.route.traffic()
	return err
}

// read adds what was used since to the metrics.
func (m *meter) read(ctx context.Context, metrics map[string]float64) error {
	now := &meter{v: m.v}
	if err := now.take(ctx); err != nil {
		return err
	}
	seconds := now.at.Sub(m.at).Seconds()
	if m.v.peer.Floor() == nil {
		// What has ended counts in ticks, what lives to the nanosecond: as it
		// ends, a sum may become less.
		metrics["cpu-ms/s"] = ms(max(0, now.all-m.all)) / seconds
		metrics["agent-cpu-ms/s"] = ms(max(0, now.agent-m.agent)) / seconds
		memory, err := cost.MemoryOf(m.v.peer.Carriers()...)
		if err != nil {
			return err
		}
		metrics["pss-MB"] = float64(memory.Proportional) / 1e6
		metrics["rss-MB"] = float64(memory.Resident) / 1e6
	}
	bytes, packets := now.traffic.Bytes-m.traffic.Bytes, now.traffic.Packets-m.traffic.Packets
	if bytes == 0 { // the loopback is everybody's: what the page has received
		bytes, packets = now.inbound.Bytes-m.inbound.Bytes, now.inbound.Packets-m.inbound.Packets
	}
	if bytes > 0 {
		metrics["bytes/s"] = float64(bytes) / seconds
		metrics["packets/s"] = float64(packets) / seconds
	}
	return nil
}
