package main

import (
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lucarne/capture"
	"lucarne/encode"
	"lucarne/signaling"
	"lucarne/signaling/access"
	"lucarne/signaling/activity"
	"lucarne/signaling/files"
	"lucarne/signaling/session"
)

// figures are what /metrics tells of a desktop. They are read when they are asked for, off
// the parts' own statistics: who is not asked has nothing to do. Their labels are words of
// ours, so that there are never more of them: no viewer, address, title or file has its name
// here, and nothing that is secret.
type figures struct {
	fanouts   []*encode.Fanout
	screen    *capture.Screen
	session   *session.Session
	handler   *signaling.Handler
	activity  *activity.Meter
	traffic   *traffic
	files     *files.Store               // nil: there are none
	gpus      *gpuFigures                // nil: there are none
	processes func() []signaling.Process // nil: none are ours
}

// Describe tells nothing beforehand: what there is depends on the machine.
func (f *figures) Describe(chan<- *prometheus.Desc) {}

// Collect reads all figures.
func (f *figures) Collect(out chan<- prometheus.Metric) {
	s := scrape{out}
	s.gauge("lucarne_build_info", "What this binary is; always 1.", "version", "commit", "goversion")(1, version, commit, runtime.Version())
	f.collectStreams(s)
	sent := f.handler.Stats()
	f.collectPaths(s, sent)
	f.collectPeople(s, f.session.Stats())
	f.collectAccess(s, sent.Refused)
	f.collectDesktop(s)
	if f.gpus != nil {
		f.gpus.collect(s)
	}
}

// collectStreams tells how pictures become packets. A frame is counted once, however many
// viewers get it.
func (f *figures) collectStreams(s scrape) {
	by := func(labels ...string) []string { return append([]string{"codec", "encoder"}, labels...) }
	var (
		frames   = s.counter("lucarne_frames_encoded_total", "Frames, by kind: key, delta, or refinement of a picture at rest.", by("kind")...)
		keys     = s.counter("lucarne_key_frames_total", "Key frames, by cause: joined (somebody has come), asked (a decoder has lost its way), missed (a path was full), encoder.", by("cause")...)
		bytes    = s.counter("lucarne_encoded_bytes_total", "Bytes of all frames.", by()...)
		same     = s.counter("lucarne_frames_unchanged_total", "Pictures that showed nothing new, of which nothing was sent.", by()...)
		dropped  = s.counter("lucarne_encoder_frames_dropped_total", "Pictures that the encoder left out to keep to its bitrate.", by()...)
		failures = s.counter("lucarne_encoder_failures_total", "Failures of the encoder, to be opened or to encode.", by()...)
		failing  = s.gauge("lucarne_encoder_failing", "1 while the encoder makes no packets although it is wanted.", by()...)
		target   = s.gauge("lucarne_stream_target_bytes_per_second", "What the encoder is to keep to; 0: nobody watches the stream.", by("stream")...)
		stages   = s.histogram("lucarne_frame_stage_seconds", "How long a stage of a frame took: grab (from the damage), convert, encode.", by("stage")...)
	)
	for _, fanout := range f.fanouts {
		codec, encoder, stats := string(fanout.Codec()), fanout.Backend().Name, fanout.Stats()
		sum := uint64(0)
		for cause := range encode.KeyCauses {
			keys(stats.Keys[cause], codec, encoder, cause.String())
			sum += stats.Keys[cause]
		}
		frames(sum, codec, encoder, "key")
		frames(stats.Deltas, codec, encoder, "delta")
		frames(stats.Refinements, codec, encoder, "refinement")
		bytes(stats.Bytes, codec, encoder)
		same(stats.Unchanged, codec, encoder)
		dropped(stats.Dropped, codec, encoder)
		failures(stats.Failures, codec, encoder)
		failing(one(fanout.Err() != nil), codec, encoder)
		for _, class := range []encode.Class{encode.Main, encode.Slow} {
			target(float64(fanout.Target(class))/8, codec, encoder, class.String())
		}
		stages(stats.Grab, codec, encoder, "grab")
		stages(stats.Convert, codec, encoder, "convert")
		stages(stats.Encode, codec, encoder, "encode")
	}
}

// The paths by which viewers watch, and what stands for those who watch by none.
const (
	pathWS     = "ws"
	pathWebRTC = "webrtc"
	pathVNC    = "vnc"
	pathNone   = "none"
)

// collectPaths tells what goes to the viewers. Of how the paths are it tells the worst.
func (f *figures) collectPaths(s scrape, stats signaling.Stats) {
	var (
		sent     = s.counter("lucarne_frames_sent_total", "Frames handed to the network, for each viewer who got them.", "path")
		full     = s.counter("lucarne_frames_refused_total", "Frames that a viewer did not get because its path was full.", "path")
		bytes    = s.counter("lucarne_media_sent_bytes_total", "Bytes of these frames; by vnc, of all that its server sends.", "path")
		sending  = s.histogram("lucarne_frame_send_seconds", "From the encoded frame to the moment at which it leaves.", "path")
		latency  = s.histogram("lucarne_frame_latency_seconds", "From the damage to the moment at which the frame leaves.", "path")
		decoding = s.histogram("lucarne_frame_decode_seconds", "From a frame's arrival in the page until it is decoded, as the page says.", "path")
		rtt      = s.gauge("lucarne_path_rtt_seconds", "The longest round trip to a viewer now; 0: unknown.", "path")
		estimate = s.gauge("lucarne_path_estimate_bytes_per_second", "The least that a viewer's path is thought to carry now; 0: nobody watches.", "path")
	)
	ws := stats.Sockets
	sent(ws.Pictures, pathWS)
	full(ws.Missed, pathWS)
	bytes(ws.Bytes, pathWS)
	sending(ws.Sending, pathWS)
	latency(ws.Latency, pathWS)
	decoding(ws.Decoding, pathWS)
	var slowest time.Duration
	var least, unanswered int
	for _, one := range stats.Live {
		slowest, least, unanswered = max(slowest, one.RTT), lesser(least, one.Bitrate), unanswered+one.Unanswered
	}
	rtt(slowest.Seconds(), pathWS)
	estimate(float64(least)/8, pathWS)
	s.gauge("lucarne_path_unacknowledged_bytes", "Bytes on their way to all viewers, as far as is known.", "path")(float64(unanswered), pathWS)
	bytes(stats.VNCBytes, pathVNC)

	rtc, live := f.traffic.stats()
	sent(rtc.Frames, pathWebRTC)
	full(rtc.Missed, pathWebRTC)
	bytes(rtc.Bytes, pathWebRTC)
	sending(rtc.Sending, pathWebRTC)
	latency(rtc.Latency, pathWebRTC)
	s.counter("lucarne_webrtc_packets_total", "Media packets handed to the network, retransmissions not counted.")(rtc.Packets)
	s.counter("lucarne_webrtc_packets_lost_total", "Packets that pages have reported lost.")(rtc.Lost)
	s.counter("lucarne_webrtc_packets_resent_total", "Packets sent again.")(rtc.Resent)
	s.counter("lucarne_webrtc_packets_unsent_total", "Packets that the network did not take.")(rtc.Unsent)
	var queue time.Duration
	slowest, least = 0, 0
	for _, one := range live {
		slowest, least, queue = max(slowest, one.RTT), lesser(least, one.Estimate), max(queue, one.Queue)
	}
	rtt(slowest.Seconds(), pathWebRTC)
	estimate(float64(least)/8, pathWebRTC)
	s.gauge("lucarne_path_queue_seconds", "The longest queue that stands in the network before a viewer now.", "path")(queue.Seconds(), pathWebRTC)
}

// lesser returns the lesser of two figures, of which 0 is none.
func lesser(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// collectPeople tells who is here and what they do.
func (f *figures) collectPeople(s scrape, stats session.Stats) {
	viewers := s.gauge("lucarne_viewers", "Viewers who are here, by the path of what they see and their role.", "path", "role")
	paths := []string{pathWS, pathWebRTC, pathVNC, pathNone}
	here := make(map[session.Attendance]int)
	shown := make(map[encode.Codec]int)
	for _, v := range stats.Viewers {
		if !slices.Contains(paths, v.Path) {
			v.Path = pathNone
		}
		shown[v.Codec]++
		v.Codec = ""
		here[v]++
	}
	for _, path := range paths {
		for _, role := range []session.Role{session.Owner, session.Controller, session.Watcher} {
			viewers(float64(here[session.Attendance{Role: role, Path: path}]), path, string(role))
		}
	}
	codecs := s.gauge("lucarne_codec_viewers", "Viewers who are shown pictures of a codec now.", "codec")
	for _, codec := range f.codecs() {
		codecs(float64(shown[codec]), string(codec))
	}
	s.counter("lucarne_encoder_failovers_total", "Encoders that were passed over because they failed.")(stats.Failovers)

	uses := s.counter("lucarne_feature_uses_total", "Uses of a feature, and whether they were done, refused by the policy, or failed.", "feature", "outcome")
	for feature, n := range stats.Uses {
		uses(n.Done, string(feature), "done")
		uses(n.Refused, string(feature), "refused")
		uses(n.Failed, string(feature), "failed")
	}
	keys, pointer := stats.Uses[session.Keyboard], stats.Uses[session.Pointer]
	events := s.counter("lucarne_input_events_total", "Events of keyboard and pointer that were let through, by any path.", "kind")
	events(keys.Done, "keyboard")
	events(pointer.Done, "pointer")
	refused := s.counter("lucarne_input_refused_total", "Input that was not passed on: by the policy, malformed, not taken by the display, sent twice, overtaken, too late, too fast, impossible.", "reason")
	for reason, n := range map[string]uint64{
		"policy": keys.Refused + pointer.Refused, "malformed": stats.Input.Malformed, "display": stats.Input.Failed,
		"duplicate": stats.Input.Dropped.Duplicate, "overtaken": stats.Input.Dropped.Stale, "late": stats.Input.Dropped.Late,
		"flood": stats.Input.Dropped.Flood, "impossible": stats.Input.Dropped.Refused,
	} {
		refused(n, reason)
	}
	clipboards := s.counter("lucarne_clipboard_bytes_total", "Bytes of clipboards, to the desktop (in) and from it (out).", "direction")
	clipboards(stats.CopiedIn, "in")
	clipboards(stats.CopiedOut, "out")
	s.counter("lucarne_clipboards_refused_total", "Clipboards that were not carried: too large, too often, of no such type, broken.")(stats.Input.Unfit)
}

// collectAccess tells who was not let in.
func (f *figures) collectAccess(s scrape, stats access.Stats) {
	refused := s.counter("lucarne_logins_refused_total", "Logins that were refused: what was given was wrong, or came too soon after that.", "reason")
	refused(stats.Wrong, "wrong")
	refused(stats.Early, "early")
}

// codecs are those that there are, each once.
func (f *figures) codecs() (all []encode.Codec) {
	for _, fanout := range f.fanouts {
		if !slices.Contains(all, fanout.Codec()) {
			all = append(all, fanout.Codec())
		}
	}
	return all
}

// collectDesktop tells how the desktop is, and whether it is in use.
func (f *figures) collectDesktop(s scrape) {
	state := s.gauge("lucarne_display_state", "1 for the state that the display is in.", "state")
	now := f.screen.Status().State
	for is := range capture.States {
		state(one(is == now), is.String())
	}
	s.gauge("lucarne_ready", "1 while the desktop can be shown, as readyz answers.")(one(f.handler.Ready() == ""))
	report := f.activity.Report()
	s.gauge("lucarne_busy", "1 while the desktop counts as in use.")(one(report.Busy))
	s.gauge("lucarne_last_activity_timestamp_seconds", "When the desktop was last in use.")(seconds(report.Last))
	s.gauge("lucarne_culler_asked_timestamp_seconds", "When a platform last asked whether the desktop is in use; 0: never.")(seconds(f.activity.Asked()))
	if f.files != nil {
		carried := f.files.Stats()
		bytes := s.counter("lucarne_files_bytes_total", "Bytes of files, to the desktop (upload) and from it (download).", "direction")
		bytes(carried.Uploaded, "upload")
		bytes(carried.Downloaded, "download")
		s.gauge("lucarne_uploads_unfinished", "Uploads that are not whole yet.")(float64(carried.Unfinished))
	}
	if f.processes != nil {
		ready := s.gauge("lucarne_process_ready", "1 while a process that keeps the desktop running is ready.", "process")
		restarts := s.counter("lucarne_process_restarts_total", "How often it has been started again.", "process")
		for _, p := range f.processes() {
			ready(one(p.State == signaling.ProcessReady), p.Name)
			restarts(uint64(p.Restarts), p.Name)
		}
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// seconds is a moment as Prometheus has it: Unix time; 0 for none.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
