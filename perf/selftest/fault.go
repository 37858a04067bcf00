package main

import (
	"fmt"
	"image"
	"slices"
	"time"

	"lucarne/capture"
	"lucarne/encode"
)

// fault is what is wrong with an agent, so that it can be seen whether a
// measurement tells.
type fault string

// The faults.
const (
	sound  fault = "none"
	slow   fault = "slow"   // each frame takes 20 ms longer
	frozen fault = "frozen" // motion stops after ten frames
	older  fault = "older"  // every third frame of a motion is an older one
)

// added is what the slow encoder takes longer.
const added = 20 * time.Millisecond

// inMotion is the longest time between two frames of one motion.
const inMotion = 500 * time.Millisecond

// UnmarshalText reads a fault's name.
func (f *fault) UnmarshalText(text []byte) error {
	*f = fault(text)
	if !slices.Contains([]fault{sound, slow, frozen, older}, *f) {
		return fmt.Errorf("no fault %q: none, slow, frozen or older", text)
	}
	return nil
}

// MarshalText writes a fault's name.
func (f fault) MarshalText() ([]byte, error) { return []byte(f), nil }

// faulty returns a backend whose encoders have the fault.
func faulty(b encode.Backend, f fault) encode.Backend {
	open := b.Open
	b.Open = func(cfg encode.Config) (encode.Encoder, error) {
		e, err := open(cfg)
		if err != nil || f == sound {
			return e, err
		}
		return &faultyEncoder{Encoder: e, fault: f, sleep: time.Sleep}, nil
	}
	return b
}

// faultyEncoder is an encoder with a fault.
type faultyEncoder struct {
	encode.Encoder
	fault fault
	sleep func(time.Duration)

	last   time.Time // when the last frame came
	motion int       // frames in motion up to this one
	kept   []byte    // the picture that is shown again
}

// Encode encodes f, or what the fault makes of it.
func (e *faultyEncoder) Encode(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	if f.Grabbed.Sub(e.last) > inMotion {
		e.motion = 0
	}
	if len(f.Damage) > 0 {
		e.motion++
	}
	e.last = f.Grabbed
	switch e.fault {
	case slow:
		e.sleep(added)
	case frozen:
		if e.motion > 10 {
			f.Release()
			return encode.Packet{Unchanged: true, Settled: true}, nil
		}
	case older:
		return e.encodeOlder(f, op)
	}
	return e.Encoder.Encode(f, op)
}

// encodeOlder encodes the picture of three frames ago in place of every third.
func (e *faultyEncoder) encodeOlder(f *capture.Frame, op encode.Op) (encode.Packet, error) {
	// All of the picture may differ from the one encoded last.
	f.Damage = append(f.Damage[:0], image.Rectangle{Max: f.Size})
	if e.motion == 0 || e.motion%3 != 0 || len(e.kept) != len(f.Pix) {
		if e.motion%3 == 1 {
			e.kept = append(e.kept[:0], f.Pix...)
		}
		return e.Encoder.Encode(f, op)
	}
	again := capture.Frame{
		Pix: e.kept, Stride: f.Stride, Size: f.Size, Damage: f.Damage, Seq: f.Seq, Damaged: f.Damaged, Grabbed: f.Grabbed,
	}
	f.Release()
	return e.Encoder.Encode(&again, op)
}
