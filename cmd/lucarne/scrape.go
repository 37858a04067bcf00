package main

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lucarne/encode"
	"lucarne/signaling"
)

// scrape is one reading of the figures.
type scrape struct{ out chan<- prometheus.Metric }

// counter returns what tells a figure that never becomes less, for values of its labels.
func (s scrape) counter(name, help string, labels ...string) func(value uint64, values ...string) {
	desc := prometheus.NewDesc(name, help, labels, nil)
	return func(value uint64, values ...string) {
		s.out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), values...)
	}
}

// gauge returns what tells how something is now.
func (s scrape) gauge(name, help string, labels ...string) func(value float64, values ...string) {
	desc := prometheus.NewDesc(name, help, labels, nil)
	return func(value float64, values ...string) {
		s.out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, values...)
	}
}

// histogram returns what tells how long something took.
func (s scrape) histogram(name, help string, labels ...string) func(h encode.Histogram, values ...string) {
	desc := prometheus.NewDesc(name, help, labels, nil)
	return func(h encode.Histogram, values ...string) {
		buckets, below := make(map[float64]uint64, encode.HistogramBuckets-1), uint64(0)
		for i := range encode.HistogramBuckets - 1 {
			below += h.Counts[i]
			buckets[encode.HistogramBound(i).Seconds()] = below
		}
		s.out <- prometheus.MustNewConstHistogram(desc, h.Count(), h.Sum.Seconds(), buckets, values...)
	}
}

// gpusAgain is how often the GPUs are read at most.
const gpusAgain = 5 * time.Second

// gpuFigures are how the GPUs are.
type gpuFigures struct {
	read func(context.Context) []signaling.GPU

	mu   sync.Mutex
	last []signaling.GPU
	at   time.Time // when that was
}

// now returns how the GPUs are; none where that cannot be known in time.
func (g *gpuFigures) now() []signaling.GPU {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.at) >= gpusAgain {
		ctx, cancel := context.WithTimeout(context.Background(), scraping/2)
		defer cancel()
		g.last, g.at = g.read(ctx), time.Now()
	}
	return g.last
}

// collect tells what is known of each GPU, by its number.
func (g *gpuFigures) collect(s scrape) {
	var (
		used     = s.gauge("lucarne_gpu_memory_used_bytes", "Memory of the GPU that is in use, by all programs.", "gpu")
		total    = s.gauge("lucarne_gpu_memory_total_bytes", "Memory of the GPU.", "gpu")
		busy     = s.gauge("lucarne_gpu_utilization_ratio", "Share of the time in which the GPU computes.", "gpu")
		encoding = s.gauge("lucarne_gpu_encoder_utilization_ratio", "Share of the capacity of its encoders that is in use.", "gpu")
		sessions = s.gauge("lucarne_gpu_encoder_sessions", "Sessions of its encoders, of all programs.", "gpu")
	)
	for i, gpu := range g.now() {
		number := strconv.Itoa(i)
		if gpu.MemoryTotal > 0 {
			used(float64(gpu.MemoryUsed), number)
			total(float64(gpu.MemoryTotal), number)
		}
		if gpu.Busy >= 0 {
			busy(float64(gpu.Busy)/100, number)
		}
		if gpu.Encoding >= 0 {
			encoding(float64(gpu.Encoding)/100, number)
		}
		if gpu.Sessions >= 0 {
			sessions(float64(gpu.Sessions), number)
		}
	}
}
