package report

import (
	"math"
	"math/rand/v2"
	"time"
)

// traits are what a made-up peer is like.
type traits struct {
	delay  float64 // ms from drawn to shown
	frames float64 // shown a second
	cpu    float64 // ms a second
	bytes  float64 // a second
}

// madeUp returns a run that looks like a real one: five repetitions of five
// scenarios on four peers over two links. The same seed is the same run; speed is
// how much slower the machine was, 1 for not at all.
func madeUp(seed uint64, speed float64) *Report {
	rnd := rand.New(rand.NewPCG(seed, 1))
	r := &Report{
		Schema:  Schema,
		Started: time.Date(2026, 11, 21, 3, 4, 5, 0, time.UTC),
		Command: "lucarne perf run --against vnc,x11vnc,floor --link local,wan --reps 5",
		Machine: Machine{
			Class: "2x-amd-epyc", OS: "linux", Arch: "amd64", CPU: "AMD EPYC", Cores: 2, Kernel: "6.1.0-37-amd64",
			Load: "1.61 1.42 0.98", Browser: "Chromium 156.0.7200.1", Screen: "1920x1080", ClockOffsetMax: 0.21,
		},
		Build: Build{Version: "0.3.0", Commit: "7f3c2a1d9be0"},
		Peers: []Peer{
			{Name: "lucarne", Version: "0.3.0", Ours: true}, {Name: "vnc", Version: "TigerVNC 1.12, noVNC 1.3"},
			{Name: "x11vnc", Version: "0.9.16, noVNC 1.3"}, {Name: "floor", Version: "1", Floor: true},
		},
		Void: []Void{{Scenario: "scene", Link: "wan", Peer: "x11vnc", Reason: "inconclusive: the machine was too busy: others used 0.34 of a core, 10 times"}},
	}
	peers := map[string]traits{
		"lucarne": {22, 49, 760, 900e3}, "vnc": {18, 46, 940, 9.4e6}, "x11vnc": {49, 19, 1200, 6.1e6}, "floor": {7, 60, 180, 4e3},
	}
	for _, link := range []string{"local", "wan"} {
		for repetition := 1; repetition <= 5; repetition++ {
			slow := speed * (1 + 0.12*rnd.Float64())
			for _, scenario := range []string{"flip", "key", "scroll", "scene", "first-frame", "idle"} {
				for _, p := range r.Peers {
					void := scenario == "scene" && (link == "wan" && p.Name == "x11vnc" || p.Floor)
					if void || scenario == "idle" && p.Floor {
						continue
					}
					result := made(rnd, scenario, link, p, peers[p.Name], slow)
					result.Repetition = repetition
					r.Results = append(r.Results, result)
				}
			}
		}
	}
	return r
}

func made(rnd *rand.Rand, scenario, link string, p Peer, t traits, slow float64) Result {
	delay := t.delay * slow
	if link == "wan" {
		delay += 40
		if !p.Ours && !p.Floor {
			delay, t.frames = delay+60, t.frames*0.35
		}
	}
	result := Result{
		Scenario: scenario, Link: link, Peer: p.Name, Metrics: map[string]float64{},
		AnimationRate: 59.5 + rnd.Float64(), OutsideLoad: 0.02, Attempts: 1,
	}
	if scenario == "idle" {
		result.Metrics = map[string]float64{"cpu-ms-30s": t.cpu / 8 * slow, "cpu-ms-30s-alone": 1 + rnd.Float64(), "media-B": 0, "rss-MB": 108 + rnd.Float64()}
		return result
	}
	if scenario == "first-frame" {
		result.Metrics = map[string]float64{"first-cold-ms": 12 * delay, "first-warm-ms": 8 * delay}
		return result
	}
	for range 60 {
		result.Delays = append(result.Delays, delay*(0.7+0.5*rnd.Float64())+6*rnd.ExpFloat64())
	}
	result.Metrics["p50-ms"] = Quantile(result.Delays, 0.5)
	result.Metrics["p95-ms"] = Quantile(result.Delays, 0.95)
	result.Metrics["lost"] = 0
	if scenario == "scroll" || scenario == "scene" {
		frames := min(60, t.frames/slow*(0.97+0.06*rnd.Float64()))
		for at := 0.0; at < 4000; at += 1000 / frames * (0.6 + 0.8*rnd.Float64()) {
			result.Shown = append(result.Shown, math.Round(at*100)/100)
		}
		result.Metrics["frames/s"] = frames
		result.Metrics["drawn/s"] = 60
		result.Metrics["cpu-ms/s"] = t.cpu * (0.97 + 0.06*rnd.Float64())
		result.Metrics["bytes/s"] = t.bytes * frames / 60
		result.Metrics["rest-psnr-y-db"] = 44 + rnd.Float64()
	}
	if p.Ours {
		for _, s := range []Stage{{"grab", 0.9}, {"convert", 0.3}, {"encode", 7.5}, {"send", 0.4}, {"receive", 1.1}, {"decode", 4.2}, {"present", 4.6}} {
			s.MS *= slow * (0.9 + 0.2*rnd.Float64())
			if link == "wan" && s.Name == "receive" {
				s.MS += 40
			}
			result.Stages = append(result.Stages, s)
		}
	}
	return result
}

// each calls f on the results of our peer in a scenario over the loopback.
func each(r *Report, scenario string, f func(*Result)) {
	for i := range r.Results {
		if got := &r.Results[i]; got.Scenario == scenario && got.Peer == "lucarne" && got.Link == "local" {
			f(got)
		}
	}
}
