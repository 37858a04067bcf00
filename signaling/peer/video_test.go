package peer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"lucarne/encode"
	"lucarne/signaling/peer/bwe"
)

// wire stands in for pion: it counts or keeps packets.
type wire struct {
	keep    bool
	packets []rtp.Packet
	count   int
	at      []time.Time
	block   chan struct{} // writes wait for it
	err     error
}

func (w *wire) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	if w.block != nil {
		<-w.block
	}
	w.count++
	if w.keep {
		w.packets = append(w.packets, rtp.Packet{Header: h.Clone(), Payload: bytes.Clone(payload)})
		w.at = append(w.at, time.Now())
	}
	return len(payload), w.err
}

func (w *wire) Write([]byte) (int, error) { return 0, errors.New("not used") }

// bind makes a video that writes to w.
func bind(w webrtc.TrackLocalWriter, cfg bwe.Config) *video {
	v := newVideo(newPath(cfg), func() {})
	v.writer, v.ssrc = w, 7
	v.ways = ways{
		encode.VP8:     {payloads: &vp8{picture: 1}, payloadType: 96, repair: 97},
		encode.H264:    {payloads: &h264{}, payloadType: 102, repair: 103},
		encode.H264444: {payloads: &h264{}, payloadType: 114, repair: 115},
	}
	return v
}

func ready(v *video) bool {
	select {
	case <-v.Ready():
		return true
	default:
		return false
	}
}

func TestWritingAllocatesNothing(t *testing.T) {
	w := &wire{}
	v := bind(w, bwe.Config{MinBps: 1e9, MaxBps: 1e9})
	frames := []encode.Packet{frame(0, 30_000), coded(1, encode.H264, true), coded(2, encode.H264444, true)}
	frames[1].Data = stream(unit(0x67, 20), unit(0x68, 5), unit(0x65, 30_000), unit(0x65, 200), unit(0x65, 100))
	send := func() {
		for _, f := range frames {
			v.bucket.level = burst
			f.Times.Grabbed = time.Now()
			if !ready(v) || !v.WritePacket(f) {
				t.Fatal("refused")
			}
			v.flush()
		}
		v.batch.buf = v.batch.buf[:batchHeader] // what has been told is the page's
		v.batch.buf[1] = 0
	}
	for range 2 * maxQueued / vp8Pieces(30_000) { // each slot is made once
		send()
	}
	if got := testing.AllocsPerRun(200, send); got != 0 {
		t.Errorf("allocations of three frames = %v, want 0", got)
	}
}

func TestPathAllocatesNothing(t *testing.T) {
	p := newPath(bwe.Config{})
	info := &interceptor.StreamInfo{RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: sdp.TransportCCURI, ID: 3}, {URI: playoutDelayURI, ID: 4}}}
	delay, err := playoutDelay(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	out := delay.BindLocalStream(info, p.BindLocalStream(info, interceptor.RTPWriterFunc(
		func(h *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
			sent++
			return len(payload), nil
		})))
	header := rtp.Header{Extensions: make([]rtp.Extension, 0, 2)}
	payload := make([]byte, 1000)
	if got := testing.AllocsPerRun(1000, func() {
		header.Extension, header.Extensions = false, header.Extensions[:0]
		if _, err := out.Write(&header, payload, nil); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("allocations a packet = %v, want 0", got)
	}
	if got, want := binary.BigEndian.Uint16(header.GetExtension(3)), uint16(sent-1); got != want {
		t.Errorf("transport-wide number = %d, want %d", got, want)
	}
}

// A new seat begins with what was queued for the old one given up: the packets that
// leave are numbered without a gap all the same, or a receiver would ask for what
// there never was.
func TestNewSeatLeavesNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{keep: true}
		v := bind(w, bwe.Config{})
		pacing(t, v)
		v.WritePacket(frame(0, 200_000))
		synctest.Wait()
		first := len(w.packets)
		if first == 0 || first == vp8Pieces(200_000) {
			t.Fatalf("%d packets have left, want a part of the frame", first)
		}
		v.begin()
		v.WritePacket(frame(0, 1000))
		time.Sleep(time.Second)
		synctest.Wait()
		if got, want := len(w.packets), first+vp8Pieces(1000); got != want {
			t.Errorf("%d packets have left, want %d", got, want)
		}
		for n, p := range w.packets[1:] {
			if got, want := p.SequenceNumber, w.packets[n].SequenceNumber+1; got != want {
				t.Errorf("packet %d has number %d, want %d", n+1, got, want)
			}
		}
	})
}

// A large frame leaves in portions; a small one at once.
func TestPacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{keep: true}
		v := bind(w, bwe.Config{StartBps: 8_000_000})
		ctx, cancel := context.WithCancel(t.Context())
		go v.pace(ctx)
		begin := time.Now()
		v.WritePacket(frame(0, 200_000))
		synctest.Wait()
		if got := len(w.at); got < 28 || got > 33 {
			t.Errorf("%d packets left at once, want about 30", got)
		}
		if ready(v) {
			t.Error("there is room while a large frame waits")
		}
		<-v.Ready()
		time.Sleep(time.Second)
		cancel()
		synctest.Wait()
		if got, want := len(w.at), vp8Pieces(200_000); got != want {
			t.Fatalf("%d packets left, want %d", got, want)
		}
		// 200 kB less the burst at 20 Mbit/s
		if took := w.at[len(w.at)-1].Sub(begin); took < 60*time.Millisecond || took > 75*time.Millisecond {
			t.Errorf("the frame took %v, want 66 ms", took)
		}
		for i, last := 0, begin; i < len(w.at); i++ {
			if gap := w.at[i].Sub(last); gap > 3*time.Millisecond {
				t.Errorf("packet %d left %v after the one before", i, gap)
			}
			last = w.at[i]
		}
	})
}

// A transport that does not take packets holds nobody up but itself.
func TestStalledTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{block: make(chan struct{})}
		v := bind(w, bwe.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		go v.pace(ctx)
		taken := 0
		for n := range 1000 {
			if v.WritePacket(frame(n%10, 20_000)) {
				taken++
			}
		}
		synctest.Wait()
		if ready(v) {
			t.Error("there is room in a stalled peer")
		}
		if taken == 0 || taken > 20 {
			t.Errorf("a stalled peer took %d frames of 20 kB, want those of a quarter of a second", taken)
		}
		if got := v.stats().Missed; got != uint64(1000-taken) {
			t.Errorf("missed = %d, want %d", got, 1000-taken)
		}
		if v.WritePacket(frame(1, 10)) {
			t.Error("took a frame that depends on one that it refused")
		}
		close(w.block)
		<-v.Ready()
		if !v.WritePacket(frame(0, 20_000)) {
			t.Error("a peer that goes on refuses a key frame")
		}
		cancel()
		synctest.Wait()
	})
}

// A viewer who does not lead is not waited for: a large key frame must not make
// it refuse what follows, and so need another.
func TestLargeKeyFrameIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := bind(&wire{}, bwe.Config{StartBps: 4_000_000})
		ctx, cancel := context.WithCancel(t.Context())
		go v.pace(ctx)
		for n := range 100 {
			size := 6_000 // 3 Mbit/s
			if n == 0 {
				size = 400_000
			}
			if !v.WritePacket(frame(n, size)) {
				t.Fatalf("frame %d refused", n)
			}
			time.Sleep(16 * time.Millisecond)
		}
		cancel()
		synctest.Wait()
	})
}

// A path that gives no feedback is not filled up, and not waited for for ever.
func TestSilentPathHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := bind(nil, bwe.Config{StartBps: 8_000_000})
		info := &interceptor.StreamInfo{RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: sdp.TransportCCURI, ID: 3}}}
		w := &wire{}
		out := v.path.BindLocalStream(info, interceptor.RTPWriterFunc(func(h *rtp.Header, b []byte, _ interceptor.Attributes) (int, error) {
			return w.WriteRTP(h, b)
		}))
		v.writer = throughChain{out}
		ctx, cancel := context.WithCancel(t.Context())
		go v.pace(ctx)
		sent := 0
		for ; ready(v) && sent < 1000; sent++ {
			if !v.WritePacket(frame(0, 16_000)) {
				t.Fatal("refused although ready")
			}
			time.Sleep(16 * time.Millisecond)
		}
		// 150 ms at 8 Mbit/s are 150 kB
		if sent < 9 || sent > 12 {
			t.Errorf("%d frames of 16 kB went out unanswered, want 150 kB", sent)
		}
		for range 20 { // those who do not wait are refused before long
			v.WritePacket(frame(0, 16_000))
			time.Sleep(16 * time.Millisecond)
		}
		if v.WritePacket(frame(0, 16_000)) {
			t.Error("took a frame for a silent path")
		}
		<-v.Ready() // forgotten after a second
		cancel()
		synctest.Wait()
	})
}

type throughChain struct{ interceptor.RTPWriter }

func (c throughChain) WriteRTP(h *rtp.Header, b []byte) (int, error) {
	return c.RTPWriter.Write(h, b, nil)
}
func (c throughChain) Write([]byte) (int, error) { return 0, errors.New("not used") }

func TestRefusals(t *testing.T) {
	v := bind(&wire{}, bwe.Config{})
	other := frame(0, 10)
	other.Codec = encode.JPEG
	for what, f := range map[string]encode.Packet{
		"nothing": frame(0, 0), "a delta frame to begin with": frame(1, 10),
		"another codec": other, "a monster": frame(0, maxQueued*vp8MaxPiece),
	} {
		if v.WritePacket(f) {
			t.Errorf("took %s", what)
		}
	}
	unbound := bind(nil, bwe.Config{})
	unbound.writer = nil
	if unbound.WritePacket(frame(0, 10)) || ready(unbound) {
		t.Error("took a frame without anywhere to send it")
	}
}

func TestPictureIDs(t *testing.T) {
	w := &wire{keep: true}
	v := bind(w, bwe.Config{})
	v.ways[encode.VP8].payloads.(*vp8).picture = 0x7ffe
	for n := range 4 {
		v.WritePacket(frame(n, 2*vp8MaxPiece))
	}
	v.flush()
	var got []uint16
	for _, p := range w.packets {
		var vp8 codecs.VP8Packet
		if _, err := vp8.Unmarshal(p.Payload); err != nil {
			t.Fatal(err)
		}
		if vp8.I != 1 || p.Payload[2]&0x80 == 0 {
			t.Errorf("payload %x has no PictureID of 15 bits", p.Payload[:4])
		}
		got = append(got, vp8.PictureID)
	}
	want := []uint16{0x7ffe, 0x7ffe, 0x7fff, 0x7fff, 0, 0, 1, 1}
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("PictureIDs = %x, want %x", got, want)
		}
	}
}

func TestTimestampsRise(t *testing.T) {
	v := bind(&wire{}, bwe.Config{})
	at := v.epoch.Add(time.Second)
	first := v.timestamp(at)
	for i, tt := range []struct {
		at   time.Time
		want uint32
	}{
		{at, 1}, // the same picture once more
		{at.Add(-time.Second), 2},
		{at.Add(100 * time.Millisecond), 9000},
		{at.Add(20 * time.Hour), uint32(20 * 3600 * clockRate & 0xffffffff)}, // past the wrap
		{at.Add(20*time.Hour + time.Second), uint32((20*3600 + 1) * clockRate & 0xffffffff)},
	} {
		if got := v.timestamp(tt.at) - first; got != tt.want {
			t.Errorf("timestamp %d = %d, want %d after the first", i, got, tt.want)
		}
	}
}

func TestTimes(t *testing.T) {
	at := time.UnixMicro(1_700_000_000_000_000)
	var b batch
	b.add(timesOf(encode.Packet{
		Data: make([]byte, 1234), Key: true, Quantizer: 40,
		Times: encode.Times{Damaged: at, Grabbed: at.Add(400 * time.Microsecond), Converted: at.Add(time.Millisecond), Encoded: at.Add(9 * time.Millisecond)},
	}, 0x01020304), at.Add(10*time.Millisecond))
	b.add(timesOf(encode.Packet{
		Data: make([]byte, 5), Settled: true, Quantizer: 999,
		Times: encode.Times{Grabbed: at},
	}, 5), at.Add(time.Millisecond))
	be := binary.BigEndian
	want := []byte{1, 2, 1, 2, 3, 4}
	want = be.AppendUint64(want, 1_700_000_000_000_000)
	for _, n := range []uint32{400, 1000, 9000, 10_000, 1234} {
		want = be.AppendUint32(want, n)
	}
	want = append(want, 40, 1)
	want = be.AppendUint32(want, 5)
	want = be.AppendUint64(want, 1_700_000_000_000_000)
	for _, n := range []uint32{0, 0, 0, 1000, 5} {
		want = be.AppendUint32(want, n)
	}
	want = append(want, 255, 2|4)
	if got := b.take(); !bytes.Equal(got, want) {
		t.Errorf("times = %x\nwant    %x", got, want)
	}
	if got := b.take(); got != nil {
		t.Errorf("taken twice: %x", got)
	}
	for range 300 {
		b.add(frameTimes{}, at)
	}
	if got := b.take(); len(got) != 2+255*34 || got[1] != 255 {
		t.Errorf("300 frames are %d bytes, count %d", len(got), got[1])
	}
}

func BenchmarkWritePacket(b *testing.B) {
	h264 := coded(0, encode.H264, true)
	h264.Data = stream(unit(0x67, 20), unit(0x68, 5), unit(0x65, 30_000))
	for _, f := range []encode.Packet{frame(0, 30_000), h264} {
		b.Run(string(f.Codec), func(b *testing.B) {
			v := bind(&wire{}, bwe.Config{MinBps: 1e9, MaxBps: 1e9})
			b.SetBytes(int64(len(f.Data)))
			b.ReportAllocs()
			for b.Loop() {
				v.bucket.level = burst
				v.WritePacket(f)
				v.flush()
				v.batch.take()
			}
		})
	}
}
