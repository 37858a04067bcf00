//go:build !cgo || noyuv

// Package yuv turns pictures of the screen into the colour formats that
// encoders take, by libyuv. This build has no libyuv: there are no pictures.
package yuv

import (
	"errors"
	"image"
	"unsafe"
)

// errAbsent is what every operation answers in a build without libyuv.
var errAbsent = errors.New("yuv: this build has no libyuv (it needs cgo)")

// Picture is a picture in three planes. There is none in this build.
type Picture struct{}

// NewI420 returns an error: this build has no libyuv.
func NewI420(size image.Point) (*Picture, error) { return nil, errAbsent }

// NewJ444 returns an error: this build has no libyuv.
func NewJ444(size image.Point) (*Picture, error) { return nil, errAbsent }

// Size returns the zero size.
func (p *Picture) Size() image.Point { return image.Point{} }

// Planes returns nothing.
func (p *Picture) Planes() (y, u, v unsafe.Pointer, yStride, cStride int) { return }

// Convert returns an error: this build has no libyuv.
func (p *Picture) Convert(pix []byte, stride int, damage []image.Rectangle) error { return errAbsent }

// Close does nothing.
func (p *Picture) Close() {}

// Planes is a picture in somebody else's memory.
type Planes struct {
	Y, U, V                 unsafe.Pointer
	YStride, CStride, CStep int
}

// Measure does nothing.
func (p *Picture) Measure(made Planes, stale []byte, errors []uint16) {}

// Detail returns 0.
func (p *Picture) Detail() int { return 0 }
