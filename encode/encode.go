// Package encode holds the contracts by which a picture becomes a packet, and
// Stream, the one loop that takes pictures from a screen through an encoder to
// its sinks. It is pure Go: each library has a child package of its own.
package encode

import (
	"errors"
	"image"
	"time"

	"lucarne/capture"
)

// Codec is the name of what a decoder can decode or cannot: a coding format as in
// its RTP media type (https://www.iana.org/assignments/media-types), and after a
// dash the profile of it where that takes more of a decoder.
type Codec string

// The codecs in use.
const (
	VP8     Codec = "VP8"
	H264    Codec = "H264"     // 4:2:0, Annex B, parameter sets before each key frame
	H264444 Codec = "H264-444" // the same in High 4:4:4 Predictive: each pixel has its own colour
	JPEG    Codec = "JPEG"
)

// ErrLost is in the error of an encoder that is gone or hangs, driver and all: what
// opening it anew at once takes is better spent on another.
var ErrLost = errors.New("the encoder is lost")

// Config is what an encoder is opened with.
type Config struct {
	Size       image.Point // pixels, each at least 1; odd sizes are fine
	BitrateBps int         // target, bits a second; 0: 8,000,000
	MaxFPS     int         // frames a second at most, for rate control; 0: 60
	Threads    int         // 0: one
}

// Op says how one frame is to be encoded.
type Op struct {
	Key    bool // a key frame: decodable without any earlier packet
	Refine bool // the picture is at rest: spend bits on all of it until it is sharp
}

// Times are the moments of a frame on its way out, all on this process's
// clock. A zero time: the stage did not happen (no damage in a refinement).
type Times struct {
	Damaged   time.Time // the X server reported the change
	Grabbed   time.Time // the picture was in our memory
	Converted time.Time // the picture was in the encoder's colour format
	Encoded   time.Time // the packet was complete
}

// Packet is one encoded frame.
type Packet struct {
	Data  []byte      // one access unit; valid until the encoder's next Encode
	Codec Codec       // set by Stream
	Key   bool        // decodable by itself
	Size  image.Point // of the picture inside
	Seq   uint64      // counts the packets of a Stream from 1; set by Stream
	// Unchanged: there is nothing to send, for the decoder has this picture
	// already. Data is empty, and the damage need not be given again.
	Unchanged bool
	// Settled: the picture has reached the encoder's target quality
	// everywhere; refining it further would only cost.
	Settled bool
	// Quantizer of the frame on the codec's own scale (VP8: 0-127), for statistics.
	Quantizer int
	Times     Times
}

// Encoder turns frames of one size into packets. It is used by one goroutine.
type Encoder interface {
	// Encode encodes f. f.Damage is what changed since this encoder's last
	// Encode; everything outside it must be the same picture. The first packet
	// is a key frame whatever op says. Encode calls f.Release as soon as it has
	// read the pixels. A size other than the encoder was opened with is an
	// error unless it is a Resizer. A packet without Data that is not Unchanged:
	// the encoder dropped the frame to hold its bitrate; its damage has to be
	// given again, and a key frame has to be asked for again.
	Encode(f *capture.Frame, op Op) (Packet, error)
	// SetBitrate changes the target from the next frame on, in bits a second.
	SetBitrate(bps int) error
	// Close frees the encoder. It is idempotent; Encode after it is an error.
	Close() error
}

// Resizer is an Encoder that can change its size without being opened anew.
// The next packet is a key frame.
type Resizer interface {
	Resize(size image.Point) error
}

// Speeder is an Encoder that can spend less on a frame, at the cost of what the
// frame looks like or of its bits. It takes effect with the next frame.
type Speeder interface {
	// SetSpeed sets by how many steps it hurries, 0 for none. More than it has
	// are as many as it has.
	SetSpeed(steps int) error
}

// Limits are what a stream makes do with while the machine has no more to give.
// The zero value: there are none.
type Limits struct {
	Speed  int    // steps of Speeder
	MaxFPS int    // frames a second; 0: the stream's own
	Scale  int    // divides each side of the picture; 0 and 1: full size
	Reason string // "slow": a frame takes too long to encode; "quota": the container's share of the processors is used up
}

// Encoding is by what and how the packets of a seat are made.
type Encoding struct {
	Codec   Codec
	Encoder string // the Backend's name
	Limits  Limits
	GPU     GPU
}

// GPU says whether there is a GPU that encodes. The zero value: nothing is known of one.
type GPU struct {
	Code string // which the page words; see lucarne/encode/nvenc
	Arg  string
}

// Backend is a way to open encoders of one codec.
type Backend struct {
	Name  string // the library, for people: "libvpx"
	Codec Codec
	Open  func(Config) (Encoder, error)
	// Slow: Open may take long, or hang for a while, so that nobody had better wait
	// for it who can be served otherwise; and an encoder that fails is not opened
	// anew in the way of who watches.
	Slow bool
}

// Sink is where a Stream's packets go: one viewer.
type Sink interface {
	// Ready returns a channel that is closed once there is room for a packet.
	// It is asked for anew before each frame. Only the sink that leads a
	// Stream is waited for.
	Ready() <-chan struct{}
	// WritePacket takes a packet, copying what it keeps. It never blocks.
	// false: the packet was missed, and nothing until the next key frame is of
	// use; the Stream then sends this sink nothing before a key frame.
	WritePacket(Packet) bool
}
