package report

// The links of targets, as package link names them: lan is two hosts with nothing
// between them, wan has a round trip of 40 ms and 20 Mbit/s.
const (
	lan = "lan"
	wan = "wan"
)

// Lucarne by its transports and settings, as lucarne perf run names them.
const (
	byWebRTC = "lucarne"
	bySocket = "lucarne-ws"
	byBest   = "lucarne-auto"
)

// The codecs of Result.Codec that have targets of their own.
const (
	h264     = "h264"
	h264full = "h264-444" // with colour at full resolution
)

// Targets returns the targets of Lucarne.
func Targets() []Target {
	targets := []Target{
		{Scenario: "flip", Metric: "p50-ms", Against: "vnc", Limit: 1.15},
		{Scenario: "key", Metric: "p50-ms", Against: "vnc", Limit: 1.0},
		{Scenario: "scroll", Metric: "frames/s", Against: "vnc", Limit: 0.7, AtLeast: true},
		{Scenario: "scene", Metric: "frames/s", Against: "vnc", Limit: 0.6, AtLeast: true},
		{Scenario: "idle", Metric: "cpu-ms-30s", Limit: 150},
		{Scenario: "idle", Metric: "cpu-ms-30s-alone", Limit: 30},
		{Scenario: "idle", Metric: "media-B", Limit: 0},
		{Scenario: "idle", Metric: "rss-MB", Limit: 120},
		{Scenario: "upload", Metric: "upload", Limit: 0.85, AtLeast: true},
		{Scenario: "neighbour", Metric: "neighbour", Limit: 0.9, AtLeast: true},

		// By H.264 and WebRTC, beside TigerVNC.
		{Codec: h264, Peer: byWebRTC, Scenario: "flip", Metric: "p50-ms", Against: "vnc", Limit: 0.85},
		{Codec: h264, Peer: byWebRTC, Scenario: "key", Metric: "p50-ms", Against: "vnc", Limit: 0.75},
		{Codec: h264, Peer: byWebRTC, Scenario: "key", Metric: "p50-ms", Beside: "flip", Limit: 1, Plus: 6},
		{Codec: h264, Peer: byWebRTC, Scenario: "scroll", Metric: "frames/s", Against: "vnc", Limit: 1, AtLeast: true},
		{Codec: h264, Peer: byWebRTC, Scenario: "scroll", Metric: "p50-ms", Against: "vnc", Limit: 1},
		{Codec: h264, Peer: byWebRTC, Scenario: "scene", Metric: "frames/s", Against: "vnc", Limit: 1.1, AtLeast: true},
		{Codec: h264, Peer: byWebRTC, Scenario: "scene", Metric: "p50-ms", Against: "vnc", Limit: 1},
		{Codec: h264, Peer: byWebRTC, Link: wan, Scenario: "scene", Metric: "frames/s", Against: "vnc", Limit: 2.8, AtLeast: true},
		{Codec: h264, Peer: byWebRTC, Link: wan, Scenario: "scene", Metric: "p50-ms", Against: "vnc", Limit: 0.45},

		// Over a network, beside TigerVNC.
		{Link: wan, Scenario: "scene", Metric: "frames/s", Against: "vnc", Limit: 2.5, AtLeast: true},
		{Link: wan, Scenario: "scene", Metric: "p50-ms", Against: "vnc", Limit: 0.6},
		{Link: wan, Scenario: "flip", Metric: "p50-ms", Against: "vnc", Limit: 1},
		{Link: wan, Scenario: "key", Metric: "p50-ms", Against: "vnc", Limit: 1},

		// By WebSocket: no more than a little later than by WebRTC, and nothing queues.
		{Peer: bySocket, Link: lan, Scenario: "flip", Metric: "p50-ms", Against: byWebRTC, Limit: 1, Plus: 6},
		{Peer: bySocket, Link: lan, Scenario: "scene", Metric: "p95-ms", Of: "p50-ms", Limit: 2.5},
		{Peer: bySocket, Link: wan, Scenario: "scene", Metric: "p95-ms", Of: "p50-ms", Limit: 2.5},

		// The page as people open it.
		{Peer: byBest, Link: lan, Scenario: "first-frame", Metric: "first-warm-ms", Against: "image", Limit: 1.5, Plus: 150},

		// Text at rest.
		{Link: lan, Scenario: "settle", Metric: "settle-ms", Limit: 500},
		{Link: lan, Scenario: "settle", Metric: "rest-psnr-y-db", Limit: 44, AtLeast: true},
		{Codec: h264full, Link: lan, Scenario: "settle", Metric: "rest-psnr-y-db", Limit: 48, AtLeast: true},
		{Codec: h264full, Link: lan, Scenario: "settle", Metric: "rest-psnr-c-db", Limit: 48, AtLeast: true},
	}
	for _, peer := range []string{byWebRTC, bySocket, byBest} {
		targets = append(targets,
			Target{Peer: peer, Link: lan, Scenario: "resume", Metric: "resume-ms", Limit: 500},
			Target{Peer: peer, Link: lan, Scenario: "resume", Metric: "resume-ms", Limit: 1500, Worst: true},
		)
	}
	// A bitrate set above the link's.
	for _, peer := range []string{byWebRTC, bySocket} {
		for _, bitrate := range []string{"-20m", "-30m"} {
			targets = append(targets,
				Target{Peer: peer + bitrate, Link: wan, Scenario: "scene", Metric: "frames/s", Against: peer, Limit: 0.8, AtLeast: true},
				Target{Peer: peer + bitrate, Link: wan, Scenario: "scene", Metric: "p50-ms", Against: peer, Limit: 1.3},
			)
		}
	}
	return targets
}
