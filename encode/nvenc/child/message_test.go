package child

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"
	"net"
	"reflect"
	"testing"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// commands are one of each kind.
func commands() [][]byte {
	frame := &capture.Frame{Size: image.Pt(64, 48), Grabbed: time.Unix(5, 6), Damage: []image.Rectangle{image.Rect(0, 0, 64, 48), image.Rect(1, 2, 3, 4)}}
	return [][]byte{
		appendOpen(nil, encode.H264444, encode.Config{Size: image.Pt(1920, 1080), BitrateBps: 8_000_000, MaxFPS: 60}),
		appendFrame(nil, frame, capture.Segment{ID: 7, Generation: 9}, 256, encode.Op{Key: true}),
		appendBitrate(nil, 10_000_000_000), appendResize(nil, image.Pt(3, 5)), appendInvalidate(nil, 1, 1<<40),
	}
}

func TestCommands(t *testing.T) {
	want := []command{
		{kind: cmdOpen, codec: encode.H264444, size: image.Pt(1920, 1080), number: 8_000_000, fps: 60},
		{kind: cmdFrame, op: encode.Op{Key: true}, segment: capture.Segment{ID: 7, Generation: 9}, grabbed: time.Unix(5, 6), size: image.Pt(64, 48), stride: 256,
			damage: []image.Rectangle{image.Rect(0, 0, 64, 48), image.Rect(1, 2, 3, 4)}},
		{kind: cmdBitrate, number: 10_000_000_000},
		{kind: cmdResize, size: image.Pt(3, 5)},
		{kind: cmdInvalidate, first: 1, last: 1 << 40},
	}
	for n, message := range commands() {
		var got command
		if err := got.decode(message[4:]); err != nil || !reflect.DeepEqual(got, want[n]) {
			t.Errorf("%+v, %v, want %+v", got, err, want[n])
		}
		for short := range len(message) - 4 {
			if err := new(command).decode(message[4 : 4+short]); err == nil && n != 0 && (n != 1 || short < 38) {
				t.Errorf("command %d: the first %d of %d bytes are taken for whole", n, short, len(message)-4)
			}
		}
	}
}

// Much damage becomes one rectangle around it.
func TestMuchDamage(t *testing.T) {
	frame := &capture.Frame{Size: image.Pt(1000, 1000)}
	for i := range maxDamage + 1 {
		frame.Damage = append(frame.Damage, image.Rect(i, i, i+1, i+1))
	}
	var c command
	err := c.decode(appendFrame(nil, frame, capture.Segment{}, 4000, encode.Op{})[4:])
	if want := []image.Rectangle{image.Rect(0, 0, maxDamage+1, maxDamage+1)}; err != nil || !reflect.DeepEqual(c.damage, want) {
		t.Errorf("%v, %v, want %v", c.damage, err, want)
	}
}

func answers() [][]byte {
	return [][]byte{
		appendDone(nil, nil), appendDone(nil, errors.New("nvenc: open: no")), finish(begin(nil, ansReleased)),
		appendPacket(nil, encode.Packet{Key: true, Settled: true, Quantizer: 18, Data: []byte{0, 0, 1, 5}}),
		appendPacket(nil, encode.Packet{Unchanged: true}),
	}
}

// opened returns the connection to a process that opens an encoder, answers the
// next command by these bytes, and has gone.
func opened(answer []byte) net.Conn {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		for _, say := range [][]byte{appendDone(nil, nil), answer} {
			if _, err := receive(theirs, nil, maxCommand); err != nil {
				return
			}
			_, _ = theirs.Write(say) // the other side may have had enough
		}
	}()
	return ours
}

// A process that answers nonsense, too much, or half is an error, and no more.
func TestHostileAnswers(t *testing.T) {
	huge := binary.LittleEndian.AppendUint32(nil, 0xffffffff)
	for name, c := range map[string][]byte{
		"nothing": {}, "half a length": {1, 0}, "no message": {0, 0, 0, 0}, "half a message": answers()[3][:8], "huge": huge,
		"another kind": finish(begin(nil, 99)), "a packet without flags": finish(begin(nil, ansPacket)),
		"released with more": finish(append(begin(nil, ansReleased), 1)), "only released": bytes.Repeat(answers()[2], 3),
	} {
		t.Run(name, func(t *testing.T) {
			ours := opened(c)
			ended := 0
			cfg := Config{Start: func() (*Process, error) {
				return &Process{Conn: ours, End: func(time.Duration) { ended++ }}, nil
			}}
			size := image.Pt(16, 16)
			e, err := Backend("NVENC", encode.H264, cfg).Open(encode.Config{Size: size})
			if err != nil {
				t.Fatal(err)
			}
			frame := &capture.Frame{Pix: make([]byte, 1024), Stride: 64, Size: size}
			if packet, err := e.Encode(frame, encode.Op{}); err == nil {
				t.Errorf("packet %+v", packet)
			}
			if _, err := e.Encode(frame, encode.Op{}); err == nil || ended != 1 {
				t.Errorf("error %v, ended %d times, want an error and once", err, ended)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A process whose driver has just failed is not waited for as long as another.
func TestPatienceAtClose(t *testing.T) {
	size := image.Pt(16, 16)
	for _, c := range []struct {
		answer []byte
		want   time.Duration
	}{{answers()[3], closing}, {appendDone(nil, errors.New("nvenc: encode: no")), hurried}} {
		ours := opened(c.answer)
		var got []time.Duration
		cfg := Config{Open: time.Minute, Frame: time.Minute, Start: func() (*Process, error) {
			return &Process{Conn: ours, End: func(patience time.Duration) { got = append(got, patience) }}, nil
		}}
		e, err := Backend("NVENC", encode.H264, cfg).Open(encode.Config{Size: size})
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Encode(&capture.Frame{Pix: make([]byte, 1024), Stride: 64, Size: size}, encode.Op{})
		if failed := c.want == hurried; (err != nil) != failed {
			t.Errorf("error %v, want one: %t", err, failed)
		}
		if err := errors.Join(e.Close(), e.Close()); err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("ended with a patience of %v, %v, want %v once", got, err, c.want)
		}
	}
}

func FuzzCommand(f *testing.F) {
	for _, message := range commands() {
		f.Add(message[4:])
	}
	var c command
	f.Fuzz(func(t *testing.T, message []byte) {
		if err := c.decode(message); err == nil && c.kind == cmdFrame {
			for _, r := range c.damage {
				if !r.In(image.Rectangle{Max: c.size}) {
					t.Errorf("damage %v of %v", r, c.size)
				}
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, message := range answers() {
		f.Add(message)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		from := bytes.NewReader(stream)
		var b []byte
		for {
			var err error
			if b, err = receive(from, b, 1<<16); err != nil {
				if from.Len() == len(stream) && len(stream) > 0 && errors.Is(err, io.EOF) {
					t.Error("nothing was read")
				}
				return
			}
			var a answer
			if err := a.decode(b); err == nil && len(a.packet.Data)+len(a.text) > len(b) {
				t.Error("an answer larger than its message")
			}
		}
	})
}
