package report

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Direction is which way a metric is better.
type Direction int

// The directions. Neither: the metric explains others and is not judged.
const (
	Neither Direction = iota
	Lower
	Higher
)

// Metric is what a name in Result.Metrics means.
type Metric struct {
	Name   string
	Text   string // for people, unit included
	Better Direction
	// Latency: how late the page is; read as the floor's plus n ms.
	Latency bool
	// Speed: it depends on how fast the machine happens to be.
	Speed bool
	// Level: a step says something, a ratio does not (dB, SSIM).
	Level bool
	// Frame is the metric's name when divided by the frames shown; "": it is
	// not. What a second costs says little where more frames are shown.
	Frame string
	// Headline: it belongs in the short table.
	Headline bool
	// May is what it may lose before that is a regression.
	May Budget
}

// Budget is how much worse a metric may get: by a part of the old figure or by an
// amount in the metric's unit, whichever is more.
type Budget struct {
	Part   float64 // 0.1: a tenth
	Amount float64
}

// limit returns how much may be lost of a figure.
func (b Budget) limit(figure float64) float64 {
	return max(b.Part*math.Abs(figure), b.Amount)
}

// Metrics returns what is known of metrics, in the order in which they are shown.
// A metric that is not among them is shown behind them and not judged.
func Metrics() []Metric {
	return []Metric{
		{Name: "p50-ms", Text: "latency, median, ms", Better: Lower, Latency: true, Speed: true, Headline: true, May: Budget{0.10, 2}},
		{Name: "p95-ms", Text: "latency, 95th percentile, ms", Better: Lower, Latency: true, Speed: true, May: Budget{0.20, 4}},
		{Name: "p99-ms", Text: "latency, 99th percentile, ms", Better: Lower, Latency: true, Speed: true, May: Budget{0.40, 8}},
		{Name: "lost", Text: "changes never shown; wire: packets lost", Better: Lower, May: Budget{0.20, 2}},
		{Name: "frames/s", Text: "frames shown a second", Better: Higher, Speed: true, Headline: true, May: Budget{0.10, 1}},
		{Name: "drawn/s", Text: "frames drawn a second"},
		{Name: "older-frames", Text: "older frames shown again", Better: Lower, May: Budget{0, 0.5}},
		{Name: "frozen-ms", Text: "longest standstill of an animation, ms", Better: Lower, May: Budget{0.50, 250}},
		{Name: "first-cold-ms", Text: "first pixel, empty cache, ms", Better: Lower, Latency: true, Speed: true, Headline: true, May: Budget{0.15, 30}},
		{Name: "first-warm-ms", Text: "first pixel, filled cache, ms", Better: Lower, Latency: true, Speed: true, Headline: true, May: Budget{0.15, 30}},
		{Name: "resume-ms", Text: "pixels again after a cut, ms", Better: Lower, Headline: true, May: Budget{0.20, 200}},
		{Name: "switch-ms", Text: "navigation to WebRTC, ms", Better: Lower, Speed: true, Headline: true, May: Budget{0.20, 200}},
		{Name: "resize-ms", Text: "tab resized to desktop resized, ms", Better: Lower, Speed: true, Headline: true, May: Budget{0.20, 100}},
		{Name: "paste-ms", Text: "1 MiB pasted, ms", Better: Lower, Speed: true, May: Budget{0.30, 50}},
		{Name: "message-ms", Text: "one message of 1 MiB, ms", Better: Lower, Speed: true, May: Budget{0.30, 50}},
		{Name: "paste/message", Text: "a paste to one message of its size", Better: Lower, Headline: true, May: Budget{0.30, 0.5}},
		{Name: "settle-ms", Text: "last damage to settled; settle: to sharp, ms", Better: Lower, Speed: true, May: Budget{0.20, 50}},
		{Name: "psnr-y-db", Text: "luma in motion, PSNR dB", Better: Higher, Level: true, May: Budget{0, 1}},
		{Name: "psnr-c-db", Text: "colour in motion, PSNR dB", Better: Higher, Level: true, May: Budget{0, 1}},
		{Name: "ssim-y", Text: "luma in motion, SSIM", Better: Higher, Level: true, May: Budget{0, 0.01}},
		{Name: "rest-psnr-y-db", Text: "luma at rest, PSNR dB", Better: Higher, Level: true, May: Budget{0, 1}},
		{Name: "rest-psnr-c-db", Text: "colour at rest, PSNR dB", Better: Higher, Level: true, May: Budget{0, 1}},
		{Name: "rest-ssim-y", Text: "luma at rest, SSIM", Better: Higher, Level: true, May: Budget{0, 0.005}},
		{Name: "cpu-ms/s", Text: "CPU of all processes, ms a second", Better: Lower, Speed: true, Frame: "cpu-ms/frame", May: Budget{0.15, 5}},
		{Name: "agent-cpu-ms/s", Text: "CPU of the agent, ms a second", Better: Lower, Speed: true, Frame: "agent-cpu-ms/frame", May: Budget{0.15, 5}},
		{Name: "cpu-ms/frame", Text: "CPU of all processes, ms a frame shown", Better: Lower, Speed: true, May: Budget{0.15, 0.3}},
		{Name: "agent-cpu-ms/frame", Text: "CPU of the agent, ms a frame shown", Better: Lower, Speed: true, May: Budget{0.15, 0.3}},
		{Name: "cpu-ms-30s", Text: "CPU in 30 s with a viewer, ms", Better: Lower, Speed: true, Headline: true, May: Budget{0.15, 15}},
		{Name: "cpu-ms-30s-alone", Text: "CPU in 30 s without a viewer, ms", Better: Lower, Speed: true, Headline: true, May: Budget{0.15, 5}},
		{Name: "neighbour", Text: "what a busy neighbour keeps of its throughput", Better: Higher, Headline: true, May: Budget{0.03, 0}},
		{Name: "upload", Text: "frames kept during an upload", Better: Higher, Headline: true, May: Budget{0.05, 0}},
		{Name: "frames/s-alone", Text: "frames shown a second before and after the upload"},
		{Name: "upload-ms", Text: "100 MB uploaded, interrupted twice, ms", Better: Lower, Speed: true, May: Budget{0.30, 500}},
		{Name: "page-frames/s", Text: "animation frames a second of the page meanwhile"},
		{Name: "link-cpu-ms/s", Text: "CPU of the link's emulator, ms a second"},
		{Name: "pss-MB", Text: "proportional memory, MB", Better: Lower, May: Budget{0.15, 5}},
		{Name: "rss-MB", Text: "resident memory, MB", Better: Lower, May: Budget{0.15, 5}},
		{Name: "media-B", Text: "media bytes while idle", Better: Lower, Headline: true, May: Budget{0.15, 1000}},
		{Name: "bytes/s", Text: "bytes a second", Better: Lower, Frame: "bytes/frame", May: Budget{0.15, 1000}},
		{Name: "packets/s", Text: "packets a second", Better: Lower, Frame: "packets/frame", May: Budget{0.15, 5}},
		{Name: "bytes/frame", Text: "bytes a frame shown", Better: Lower, May: Budget{0.15, 50}},
		{Name: "packets/frame", Text: "packets a frame shown", Better: Lower, May: Budget{0.15, 0.5}},
		{Name: "keyframes", Text: "key frames", Better: Lower, May: Budget{0.50, 2}},
		{Name: "repaired", Text: "packets sent again"},
		{Name: "drops", Text: "pictures dropped before encoding"},
	}
}

// MetricOf returns what is known of a metric.
func MetricOf(name string) Metric {
	all := Metrics()
	if i := slices.IndexFunc(all, func(m Metric) bool { return m.Name == name }); i >= 0 {
		return all[i]
	}
	return Metric{Name: name, Text: name}
}

// sortMetrics puts names in the order of Metrics, the unknown ones behind.
func sortMetrics(names []string) {
	order := map[string]int{}
	for i, m := range Metrics() {
		order[m.Name] = i - len(Metrics())
	}
	slices.SortFunc(names, func(a, b string) int {
		if order[a] != order[b] {
			return order[a] - order[b]
		}
		return strings.Compare(a, b)
	})
}

// number formats a figure with three digits that count; a whole one as it is.
func number(v float64) string {
	abs := math.Abs(v)
	decimals := 2
	switch {
	case abs >= 999_500:
		return strconv.FormatFloat(v/1e6, 'g', 3, 64) + "M"
	case abs >= 9_999.5:
		return strconv.FormatFloat(v/1e3, 'f', 1, 64) + "k"
	case abs < 0.0005:
		return "0"
	case abs >= 99.95 || v == math.Trunc(v):
		decimals = 0
	case abs >= 9.995:
		decimals = 1
	case abs < 0.9995:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}
